import { type Html, html } from '../../../report/html.js';
import type { Picture } from '../../../report/picture.js';
import { colour } from '../../../report/theme.js';
import { cubistSpiral } from '../spiral.js';
import type { SparseNetwork } from '../types.js';
import { type Corner, regionsAbove, simplified } from './contours.js';

/** The part of the plane that is shown: all points and a margin. */
const VIEW = { left: -1.85, right: 1.95, bottom: -2.35, top: 1.9 };
/** Points of the grid a unit of length; the network is linear in pieces, so that its boundaries are straight between. */
const DENSITY = 40;
/** Of the picture, in pixels. */
const SCALE = 80;
/** Boundaries may be off by so much of a grid's step. */
const TOLERANCE = 0.2;

const COLUMNS = Math.round((VIEW.right - VIEW.left) * DENSITY) + 1;
const ROWS = Math.round((VIEW.top - VIEW.bottom) * DENSITY) + 1;

/** A network's logit at a point, in double precision; above 0 is class 1. */
export function logitOf({ widths, weights, biases }: SparseNetwork): (x: number, y: number) => number {
  const layers = [2, ...widths, 1].map((size) => new Float64Array(size));
  const output = layers[layers.length - 1];
  const connections = weights.map((own) => own.map(([to, from, weight]) => ({ to, from, weight })));
  return (x, y) => {
    layers[0].set([x, y]);
    connections.forEach((own, l) => {
      const [below, above] = [layers[l], layers[l + 1]];
      above.fill(0);
      for (const [o, bias] of biases[l]) above[o] = bias;
      for (const { to, from, weight } of own) above[to] += weight * below[from];
      if (above !== output) for (let o = 0; o < above.length; o++) if (above[o] < 0) above[o] = 0;
    });
    return output[0];
  };
}

/** Which class a network gives every point of the plane, with both spirals upon it. */
export function decisionRegions(name: string, alt: string, network: SparseNetwork): Picture {
  const logit = logitOf(network);
  const values = new Float64Array(COLUMNS * ROWS);
  for (let r = 0; r < ROWS; r++)
    for (let c = 0; c < COLUMNS; c++) values[r * COLUMNS + c] = logit(VIEW.left + c / DENSITY, VIEW.top - r / DENSITY);
  const polygons = regionsAbove({ columns: COLUMNS, rows: ROWS, values })
    .map((loop) => simplified(loop, TOLERANCE))
    .filter((loop) => loop.length > 2);
  const inPixels = ([x, y]: Corner): Corner => [(x * SCALE) / DENSITY, (y * SCALE) / DENSITY];
  const area = polygons.map((loop) => `${pathOf(loop.map(inPixels))}Z`).join('');
  const [width, height] = [((COLUMNS - 1) * SCALE) / DENSITY, ((ROWS - 1) * SCALE) / DENSITY];
  const content = html`<rect width="100%" height="100%" fill="${colour('softblue')}"/><path d="${area}" fill="${colour('softred')}" fill-rule="evenodd"/>${spirals()}`;
  return { name, alt, width: Math.round(width), height: Math.round(height), content };
}

let polylines: readonly string[] | null = null;

/** Both classes' polylines as paths; made once. */
function polylinePaths(): readonly string[] {
  if (polylines) return polylines;
  const { vertices, mean, deviation } = cubistSpiral().geometry;
  polylines = vertices.map((line) =>
    pathOf(
      line.map(([x, y]): Corner => {
        const [u, v] = [(x - mean[0]) / deviation[0], (y - mean[1]) / deviation[1]];
        return [(u - VIEW.left) * SCALE, (VIEW.top - v) * SCALE];
      }),
    ),
  );
  return polylines;
}

/** The spirals, one dashed so that they are told apart by more than colour. */
const spirals = (): Html[] =>
  polylinePaths().map((path, label) => {
    const hue = colour(label === 0 ? 'blue' : 'vermillion');
    const dashes = label === 1 && html` stroke-dasharray="7 3"`;
    return html`<path d="${path}" fill="none" stroke="${hue}" stroke-width="2.2" stroke-linejoin="round"${dashes}><title>class ${label}</title></path>`;
  });

const pathOf = (points: readonly Corner[]): string =>
  `M${points.map(([x, y]) => `${tenths(x)},${tenths(y)}`).join('L')}`;

const tenths = (x: number): string => String(Math.round(10 * x) / 10);
