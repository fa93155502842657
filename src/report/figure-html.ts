import type { Cell, Row } from './csv.js';
import { type Figure, type Panel, pageSpec, type Series, stills } from './figure.js';
import { details, type Html, html, raw, table } from './html.js';
import { colour } from './theme.js';

/** A figure as a section of a page, and what the page's script draws it from. */
export interface FigureSection {
  readonly section: Html;
  readonly data: { readonly spec: unknown; readonly panels: readonly unknown[] };
}

/**
 * Without a script the page shows all networks, and of other choices what is shown first; the tables have it all.
 *
 * @param files links to the figure's files, if there are some
 * @param first values of choices that are shown first, where that is not the first one
 */
export async function figureSection(
  figure: Figure,
  files: Html | null,
  first: Readonly<Record<string, string>> = {},
): Promise<FigureSection> {
  const chosen = (panel: Panel, key: string) => panel.facets[key] === (first[key] ?? figure.panels[0].facets[key]);
  const pictures = await stills(figure, (panel) =>
    figure.choices.every(({ key }) => key === 'net' || chosen(panel, key)),
  );
  const section = html`<section id="${figure.name}">
<h2>${figure.title}</h2>
<p class="caption">${figure.caption}</p>
<div class="controls">${figure.choices.map(({ key, label }) => choice(figure, key, label, first[key]))}</div>
${legend(figure)}
<div class="panels" style="--panel:${Math.min(figure.width, 300)}px">
${figure.panels.map((panel, i) => panelFigure(figure, panel, i, pictures[i]))}</div>
${details(
  'The numbers as tables',
  figure.panels.map((panel) => panelTable(figure, panel)),
)}
${files && html`<p class="files">${files}</p>`}
</section>
`;
  return { section, data: { spec: pageSpec(figure), panels: figure.panels.map(({ rows }) => columnwise(rows)) } };
}

/** Rows without their keys, for a smaller page. */
function columnwise(rows: readonly Row[]): { columns: readonly string[]; values: readonly (readonly Cell[])[] } {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return { columns, values: rows.map((row) => columns.map((c) => row[c] ?? null)) };
}

/** Marks something as belonging to a choice, so that the page's script shows it or not. */
export const facets = (name: string, values: Panel['facets']): Html =>
  html` data-of="${name}" data-facets="${JSON.stringify(values)}"`;

/** Buttons for the values that a choice has among panels; nothing where there is but one. */
function choice(figure: Figure, key: string, label: string, first?: string): Html | null {
  return choiceOf(figure.name, key, label, [...new Set(figure.panels.map((p) => p.facets[key]))], first);
}

export function choiceOf(
  name: string,
  key: string,
  label: string,
  values: readonly string[],
  first?: string,
): Html | null {
  if (values.length < 2) return null;
  const buttons = values.map(
    (value) => html`<button type="button" value="${value}"${value === first && raw(' data-first')}>${value}</button>`,
  );
  return html`<div class="choice" role="group" aria-label="${label}" data-figure="${name}" data-key="${key}"><span>${label}</span>${buttons}</div>`;
}

const panelFigure = (
  figure: Figure,
  panel: Panel,
  i: number,
  still: string | null,
): Html => html`<figure class="panel"${facets(
  figure.name,
  panel.facets,
)}${still === null && raw(' hidden')}><figcaption>${panel.title}</figcaption><div class="plot" data-figure="${figure.name}" data-panel="${i}">${still === null ? null : raw(still)}</div></figure>
`;

function panelTable(figure: Figure, panel: Panel): Html {
  const { head, rows } = figure.table(panel);
  const columns = head.map((title, i) => ({ title, text: i === 0 }));
  return html`<div${facets(figure.name, panel.facets)}>${table(columns, rows, panel.title)}</div>`;
}

function legend(figure: Figure): Html {
  if (figure.series.length === 0) return html`<div class="ramp"><span>0</span><i></i><span>1</span></div>`;
  const chips = figure.series.map(
    (s) =>
      html`<li><button type="button" class="chip" aria-pressed="true" data-figure="${figure.name}" data-series="${s.name}">${symbol(s)}${s.label}</button></li>`,
  );
  return html`<ul class="legend" aria-label="Legend">${chips}</ul><p class="hint">Point at a name to pick it out, click to take it away.</p>`;
}

/** Marks by their Vega names, about the origin, in a box of 10 by 10. */
const MARKS: Readonly<Record<string, string>> = {
  circle: 'M-4,0a4,4 0 1 0 8,0a4,4 0 1 0 -8,0Z',
  square: 'M-3.5,-3.5h7v7h-7Z',
  diamond: 'M0,-5L4,0L0,5L-4,0Z',
  cross: 'M-4.5,-1.5h3v-3h3v3h3v3h-3v3h-3v-3h-3Z',
  'triangle-up': 'M0,-4L4.5,4H-4.5Z',
  'triangle-down': 'M0,4L4.5,-4H-4.5Z',
  'triangle-right': 'M4,0L-4,4.5V-4.5Z',
  'triangle-left': 'M-4,0L4,4.5V-4.5Z',
};

function symbol({ colour: hue, dash, shape }: Series): Html {
  const dashes = dash && html` stroke-dasharray="${dash.join(' ')}"`;
  const path = MARKS[shape ?? 'circle'];
  return html`<svg width="24" height="12" viewBox="-12 -6 24 12" aria-hidden="true"><path d="M-12,0H12" stroke="${hue}" stroke-width="2"${dashes}/><path d="${path}" fill="${hue}" stroke="${colour('card')}" stroke-width=".6"/></svg>`;
}
