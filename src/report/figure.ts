import * as vega from 'vega';
import { compile } from 'vega-lite';
import type { Row } from './csv.js';
import { FILE_FONT, figureConfig, inLight, PAGE_FONT } from './theme.js';

/** A Vega-Lite unit or layered specification without data: its rows come as the data set `table`. */
export type Unit = Readonly<Record<string, unknown>>;

/** Something that can be picked out of a figure: a line in its legend. */
export interface Series {
  readonly name: string;
  readonly label: string;
  readonly colour: string;
  readonly dash?: readonly number[];
  readonly shape?: string;
}

/** One picture of a figure, and where it stands among the figure's choices (`net`, `sparsity`, …). */
export interface Panel {
  readonly title: string;
  readonly facets: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** Panels that share one specification; a legend and choices apply to all of them. */
export interface Figure {
  /** Short, as in file names. */
  readonly name: string;
  readonly title: string;
  /** What there is to see, in a sentence or two. */
  readonly caption: string;
  readonly unit: Unit;
  readonly height: number;
  /** Width of a panel that is not fitted to a page. */
  readonly width: number;
  /** Panels in a row of a file. */
  readonly columns: number;
  readonly series: readonly Series[];
  /** Choices by which panels are shown, in order: key of the facets, and its name. */
  readonly choices: readonly { readonly key: string; readonly label: string }[];
  readonly panels: readonly Panel[];
  /** Columns of the text table below it: of the rows of every panel. */
  readonly table: (panel: Panel) => { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };
}

/** Compiles Vega-Lite; its warnings are errors here, since nobody would see them. */
function compiled(spec: unknown, font: string): vega.Spec {
  const complaints: string[] = [];
  const complain = (...text: readonly string[]) => {
    complaints.push(text.join(' '));
    return logger;
  };
  const logger = { level: () => vega.Warn, error: complain, warn: complain, info: () => logger, debug: () => logger };
  const { spec: made } = compile(spec as Parameters<typeof compile>[0], {
    config: figureConfig(font) as never,
    logger: logger as never,
  });
  if (complaints.length > 0) throw new Error(`figure: ${complaints.join('; ')}`);
  return made;
}

/** The specification that the page draws a figure's panels with, at the width that there is; no rows in it. */
export const pageSpec = (figure: Figure): vega.Spec =>
  compiled(
    { ...figure.unit, data: { name: 'table' }, width: 'container', height: figure.height, autosize: AUTOSIZE },
    PAGE_FONT,
  );
const AUTOSIZE = { type: 'fit-x', contains: 'padding' };

/** Panels as drawn without a script: in the page's colours, for the page. Null for those not wanted. */
export async function stills(figure: Figure, wanted: (panel: Panel) => boolean): Promise<(string | null)[]> {
  const { width, height } = figure;
  const spec = compiled({ ...figure.unit, data: { name: 'table' }, width, height }, PAGE_FONT);
  const pictures: (string | null)[] = [];
  for (const [i, panel] of figure.panels.entries()) {
    const values = structuredClone(panel.rows);
    const data = spec.data?.map((d) => (d.name === 'table' ? { ...d, values } : d));
    const picture = wanted(panel) ? await render({ ...spec, data } as vega.Spec, `${figure.name}-${i}`) : null;
    // The page says what font its pictures have.
    pictures.push(picture?.replace(/ font-family="[^"]*"/g, '') ?? null);
  }
  return pictures;
}

/** All given panels of a figure side by side with one legend, in light colours: a file of its own. */
export async function fileSvg(figure: Figure, panels: readonly Panel[], title: string): Promise<string> {
  const { params, ...unit } = figure.unit;
  const spec = compiled(
    {
      params,
      title: { text: title, fontSize: 14, offset: 12 },
      background: '#ffffff',
      padding: 14,
      columns: figure.columns,
      bounds: 'flush',
      spacing: { column: 96, row: 96 },
      concat: panels.map((panel) => ({
        ...withLegend(unit, figure.series),
        title: fullTitle(panel),
        data: { values: panel.rows },
        width: figure.width,
        height: figure.height,
      })),
      config: {
        legend: { orient: 'bottom', columns: panels.length > 1 ? 5 : 3, labelLimit: 240, symbolOpacity: 1, offset: 56 },
      },
    },
    FILE_FONT,
  );
  return inLight(await render(spec, figure.name));
}

/** A panel's title with those of its choices that it does not name. */
const fullTitle = ({ title, facets }: Panel): string =>
  [title, ...Object.values(facets).filter((value) => !title.includes(value))].join(', ');

/** The page's legends are lists beside the panels, so units say `legend: null`; a file needs its legend inside. */
function withLegend(unit: Unit, series: readonly Series[]): Unit {
  const labels = Object.fromEntries(series.map((s) => [s.name, s.label]));
  const legend =
    series.length > 0
      ? { title: null, labelExpr: `(${JSON.stringify(labels)})[datum.value]` }
      : { title: 'similarity', gradientLength: 160 };
  const text = JSON.stringify(unit, (key, value) => (key === 'legend' && value === null ? legend : value));
  return JSON.parse(text) as Unit;
}

/** Counts the names inside pictures from nothing again. (Missing from Vega's types.) */
const resetNames = (vega as unknown as { resetSVGDefIds: () => void }).resetSVGDefIds;

async function render(spec: vega.Spec, id: string): Promise<string> {
  resetNames();
  const view = new vega.View(vega.parse(spec), { renderer: 'none', logLevel: vega.Error });
  const svg = await view.toSVG();
  view.finalize();
  // Names within a picture are counted from nothing in each; a page holds many.
  return slim(
    svg.replace(
      /\b(id="|url\(#|href="#)(clip|gradient)/g,
      (_, before: string, kind: string) => `${before}${id}-${kind}`,
    ),
  );
}

/** Without what says nothing in a picture that stands still; lengths to a tenth of a pixel. */
const slim = (svg: string): string =>
  svg
    .replace(/ (role|aria-[a-z]+|pointer-events)="[^"]*"/g, '')
    .replace(/ opacity="1"/g, '')
    .replace(/(<path transform=[^>]*) stroke-width="2"/g, (point, start: string) =>
      / stroke=/.test(point) ? point : start,
    )
    .replace(/<path class="(?:fore|back)ground" d="(?:M0,0h0v0h0Z)?"[^>]*\/>/g, '')
    .replace(/ (transform|d|x|y|x2|y2)="([^"]*)"/g, (_, name: string, value: string) => {
      const short = value.replace(/\d+\.\d+(?:e-?\d+)?/g, (number) => String(Number(Number(number).toFixed(1))));
      return ` ${name}="${short}"`;
    });
