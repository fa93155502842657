import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';

/**
 * A panel: rows of a dense matrix B [k, n] in private arrays, every lane of a subgroup holding `columns` of them.
 *
 * Software devices read a private array at a computed index four times faster than storage. Which row is wanted is the
 * same for all lanes, so that one subgroup is one workgroup and works on lanes * columns columns.
 *
 * Each column is an array of its own, `panel0, panel1, ...`: the drivers write their zeros one by one, and compile
 * in a time that grows with the square of an array's length. One more row than `capacity` stays zero; padding reads it.
 */
export interface PanelSpec {
  /** Lanes of a subgroup. */
  lanes: number;
  /** Columns a lane, a multiple of 4. */
  columns: number;
  /** Rows that fit, a multiple of 4. Longer K is taken in chunks of so many. */
  capacity: number;
  /** How B is read. */
  b: DenseSide;
  /**
   * A lane's columns are neighbours by fours, and n is a multiple of 4; else neighbouring lanes have neighbouring
   * columns.
   */
  quads: boolean;
}

/**
 * A dense matrix [k, n]: `rows` lie row by row, and rows of quads are read four columns at a time; `columns` column by
 * column, [n, k], and `columns4` the same with k a multiple of 4, read four k at a time.
 */
export type DenseSide = 'rows' | 'columns' | 'columns4';

export const list = (n: number, f: (i: number) => string): string =>
  Array.from({ length: n }, (_, i) => f(i)).join('\n');

/** Declarations of the panel's arrays. */
export const panelArrays = ({ columns, capacity }: PanelSpec): string =>
  list(columns, (v) => `var panel${v}: array<f32, ${capacity + 1}>;`);

/** WGSL of row `k` of the panel in group `q` of four columns. */
export const panelQuad = (q: number, k: string): string =>
  `vec4f(${[0, 1, 2, 3].map((j) => `panel${4 * q + j}[${k}]`).join(', ')})`;

/** First column of each group of four, `col0, col1, ...`, from `tile`, the first column of the subgroup. */
export const columnsOfLane = ({ lanes, columns, quads }: PanelSpec): string =>
  list(columns / 4, (q) => `let col${q} = tile + ${4 * lanes * q}u + lane${quads ? ' * 4u' : ''};`);

/** Column j of group q. */
export const columnAt = ({ lanes, quads }: PanelSpec, q: number, j: number): string =>
  `(col${q} + ${quads ? j : j * lanes}u)`;

/** WGSL type of the binding that holds B. */
export const panelBinding = ({ b, quads }: PanelSpec): string =>
  (b === 'rows' && quads) || b === 'columns4' ? 'array<vec4f>' : 'array<f32>';

/**
 * Fills the panel with rows k0, k0 + 1, ... of B, which begins at element `base`; columns past n get those of the last
 * one. The bounds are parameters: constant ones would be unrolled.
 */
export function fillPanel(spec: PanelSpec, base: string): string {
  const { columns, capacity, b, quads } = spec;
  const each = (f: (q: number, j: number) => string) => list(columns / 4, (q) => list(4, (j) => f(q, j)));
  const here = (q: number, j: number) => `min(${columnAt(spec, q, j)}, P.n - 1u)`;
  const quadRows = b === 'rows' && quads;
  return wgsl`
  let rowsHere = min(${capacity}u, P.k - k0);
#if ${b === 'columns4'}
  ${each(
    (q, j) => `{
    let column = (${base} + ${here(q, j)} * P.k + k0) / 4u;
    for (var k = 0u; k < rowsHere; k += 4u) {
      let four = b[column + k / 4u];
      ${list(4, (x) => `panel${4 * q + j}[k + ${x}u] = four[${x}];`)}
    }
  }`,
  )}
#else
  for (var k = 0u; k < rowsHere; k++) {
#if ${quadRows}
    ${list(columns / 4, (q) => `let four${q} = b[(${base} + (k0 + k) * P.n + min(col${q}, P.n - 4u)) / 4u];`)}
    ${each((q, j) => `panel${4 * q + j}[k] = four${q}[${j}];`)}
#elif ${b === 'rows'}
    ${each((q, j) => `panel${4 * q + j}[k] = b[${base} + (k0 + k) * P.n + ${here(q, j)}];`)}
#else
    ${each((q, j) => `panel${4 * q + j}[k] = b[${base} + ${here(q, j)} * P.k + k0 + k];`)}
#endif
  }
#endif`;
}

/**
 * The walk over the entries first..last - 1 of a line, a subgroup at a time: every lane loads one, and `body` gets the
 * panel rows `at` and values `value` of all of them. Lanes past the end hold the row of zeros and 0.
 */
export function walkEntries({ lanes, capacity }: PanelSpec, value: string, body: string): string {
  return `var p = first;
      loop {
        let mine = min(p + lane, max(last, 1u) - 1u);
        let inside = p + lane < last;
        let at = select(${capacity}u, across[mine] - k0, inside);
        ${value}
        ${body}
        p += ${lanes}u;
        if (p >= last) { break; }
      }`;
}
