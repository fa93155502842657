import { type Html, html, raw } from '../../../report/html.js';
import type { Picture } from '../../../report/picture.js';
import { colour } from '../../../report/theme.js';
import type { SparseNetwork } from '../types.js';
import { type Graph, type GraphEdge, type GraphNode, graphOf } from './graph.js';

/** Distance of layers, and of units where there is room for it. */
const COLUMN = 92;
const ROW = 44;
const MARGIN = { side: 34, top: 26, bottom: 20 };
/** Taller drawings have their units nearer to one another. */
const TALLEST = 330;
const NAMES = ['inputs', 'layer 1', 'layer 2', 'layer 3', 'output'];

/** What lines and marks mean, for beside the drawings. */
export const KEY: Html = html`<ul class="key">
<li>${sample(`stroke="${colour('blue')}" stroke-width="3"`)}positive weight</li>
<li>${sample(`stroke="${colour('vermillion')}" stroke-width="3"`)}negative weight; the wider, the larger</li>
<li>${sample(`stroke="${colour('grey')}" stroke-width="1.6" stroke-dasharray="5 4"`)}dead weight: leads to no output</li>
<li>${sample(`stroke="${colour('olive')}" stroke-width="1.8" stroke-dasharray="1.5 3"`)}fed by biases alone: hands on a constant</li>
</ul>`;

function sample(attributes: string): Html {
  return html`<svg width="34" height="10" viewBox="0 0 34 10" aria-hidden="true"><path d="M1,5H33" ${raw(attributes)}/></svg>`;
}

/** A network's graph, layers from left to right; only units that a weight touches are drawn. */
export function graphDrawing(name: string, alt: string, network: SparseNetwork): Picture {
  const graph = graphOf(network);
  const layers = NAMES.map((_, l) => graph.nodes.filter((n) => n.layer === l));
  const most = Math.max(...layers.map((l) => l.length));
  const row = Math.min(ROW, TALLEST / Math.max(1, most - 1));
  const height = Math.max(2 * ROW, (most - 1) * row) + MARGIN.top + MARGIN.bottom + 16;
  const middle = MARGIN.top + (height - MARGIN.top - MARGIN.bottom) / 2;
  const radius = Math.max(2.5, Math.min(11, 0.38 * row));
  const place = (layer: number, index: number): readonly [number, number] => {
    const at = layers[layer].findIndex((n) => n.index === index);
    return [MARGIN.side + layer * COLUMN, middle + (at - (layers[layer].length - 1) / 2) * row];
  };
  return {
    ...{ name, alt, height: Math.round(height), width: 2 * MARGIN.side + COLUMN * (NAMES.length - 1) },
    content: html`${lines(graph, place)}${marks(graph, place, radius)}<g font-size="10.5" text-anchor="middle" fill="${colour('dim')}">${NAMES.map(
      (text, l) => html`<text x="${MARGIN.side + l * COLUMN}" y="12">${text}</text>`,
    )}${letters(place)}</g>`,
  };
}

type Place = (layer: number, index: number) => readonly [number, number];

/** How lines look, those above the others last; live ones by their sign. */
const LINES: readonly { readonly holds: (edge: GraphEdge) => boolean; readonly look: Html }[] = [
  {
    holds: ({ kind }) => kind === 'dead',
    look: html`stroke="${colour('grey')}" stroke-width="1.6" stroke-dasharray="5 4"`,
  },
  {
    holds: ({ kind }) => kind === 'bias',
    look: html`stroke="${colour('olive')}" stroke-width="1.8" stroke-dasharray="1.5 3"`,
  },
  {
    holds: ({ kind, weight }) => kind === 'live' && weight < 0,
    look: html`stroke="${colour('vermillion')}" stroke-opacity=".8"`,
  },
  {
    holds: ({ kind, weight }) => kind === 'live' && weight >= 0,
    look: html`stroke="${colour('blue')}" stroke-opacity=".8"`,
  },
];

function lines({ edges }: Graph, place: Place): Html[] {
  const largest = Math.max(...edges.map((e) => Math.abs(e.weight)), 1e-9);
  return LINES.map(({ holds, look }) => {
    const own = edges.filter(holds).map((edge) => {
      const [[x, y], [u, v]] = [place(edge.layer, edge.from), place(edge.layer + 1, edge.to)];
      const width = edge.kind === 'live' && html` stroke-width="${tenths(1 + (5 * Math.abs(edge.weight)) / largest)}"`;
      return html`<path d="M${tenths(x)},${tenths(y)}L${tenths(u)},${tenths(v)}"${width}><title>${sentence(edge)}</title></path>`;
    });
    return own.length > 0 ? html`<g ${look}>${own}</g>` : html``;
  });
}

const WORDS = { live: '', bias: ', fed by biases alone', dead: ', dead' };

const sentence = ({ layer, from, to, weight, kind }: GraphEdge): string =>
  `${unit(layer, from)} to ${unit(layer + 1, to)}: ${signed(weight)}${WORDS[kind]}`;

const unit = (layer: number, index: number): string =>
  layer === 0 ? ['x', 'y'][index] : layer === NAMES.length - 1 ? 'output' : `unit ${index + 1} of layer ${layer}`;

const signed = (x: number): string => x.toPrecision(4).replace('-', '−');

const HUES = { live: 'ink', bias: 'olive', dead: 'grey' };

/** Units: discs where an input reaches them, squares where biases alone do; dashed where they lead nowhere. */
function marks({ nodes }: Graph, place: Place, radius: number): Html[] {
  return (['dead', 'bias', 'live'] as const).map((kind) => {
    const own = nodes.filter((n) => n.kind === kind).map((n) => mark(n, place(n.layer, n.index), radius));
    const dashes = kind === 'dead' && html` stroke-dasharray="3 2"`;
    return own.length > 0
      ? html`<g fill="${colour('card')}" stroke="${colour(HUES[kind])}" stroke-width="1.6"${dashes}>${own}</g>`
      : html``;
  });
}

function mark({ layer, index, bias, kind }: GraphNode, [x, y]: readonly [number, number], radius: number): Html {
  const title = html`<title>${unit(layer, index)}${layer > 0 && `: bias ${bias === 0 ? 0 : signed(bias)}`}${WORDS[kind]}</title>`;
  if (kind !== 'bias') return html`<circle cx="${tenths(x)}" cy="${tenths(y)}" r="${tenths(radius)}">${title}</circle>`;
  const side = tenths(1.7 * radius);
  return html`<rect x="${tenths(x - 0.85 * radius)}" y="${tenths(y - 0.85 * radius)}" width="${side}" height="${side}">${title}</rect>`;
}

/** Names of the inputs, in their discs. */
const letters = (place: Place): Html[] =>
  ['x', 'y'].map((letter, i) => {
    const [x, y] = place(0, i);
    return html`<text x="${tenths(x)}" y="${tenths(y + 3.6)}">${letter}</text>`;
  });

const tenths = (x: number): string => String(Math.round(10 * x) / 10);
