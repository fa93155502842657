import type { OperandSpec } from '../gemm/spec.js';
import type { BlockSpec } from './block-spec.js';

/** Where the handed-out side lies: element base + row * `row` + (k + c) * `k`, with k the name of a variable. */
export interface HandedSide {
  load: OperandSpec['load'];
  base: string;
  row: string;
  k: string;
  variable: string;
  /** The walk may end inside a step of four: elements from `kEnd` on are 0. */
  tail: boolean;
}

/** WGSL that loads four k of all rows of a tile, and hands them out. */
export interface Handed {
  start: string;
  step: string;
  /** P[row i of the tile, k + q] as an expression. */
  value(i: number, q: number): string;
}

const FOUR = [0, 1, 2, 3] as const;
const list = (n: number, f: (i: number) => string): string => Array.from({ length: n }, (_, i) => f(i)).join('\n');

/**
 * A step of four k is as many vectors of four as the tile has rows: a row's four k, or four rows of one k where rows
 * lie side by side. With broadcasts they are dealt out to the lanes in turn; otherwise every lane loads them all.
 */
export function handedOut(spec: BlockSpec, side: HandedSide): Handed {
  const { rows, lanes } = spec.tile;
  const broadcast = spec.hand === 'broadcast';
  const perK = rows / 4;
  const sets = broadcast ? Math.ceil(rows / lanes) : rows;
  const along = side.load === 'i4';
  const dealt = (s: number) => {
    const mine = broadcast ? `min(${s * lanes}u + lane, ${rows - 1}u)` : `${s}u`;
    return along
      ? `let pk${s} = ${mine} / ${perK}u;\nlet pRow${s} = ${mine} % ${perK}u * 4u * ${side.row};`
      : `let pRow${s} = ${mine} * ${side.row};`;
  };
  const read = (s: number, k: string, vector: boolean): string => {
    const at = side.tail ? `min(${k}, P.depth - 1u)` : `(${k})`;
    const element = `${side.base} + pRow${s} + ${at} * ${side.k}`;
    const value = vector ? `p[(${element}) / 4u]` : `p[${element}]`;
    return side.tail ? `select(${vector ? 'vec4f()' : '0.0'}, ${value}, ${k} < kEnd)` : value;
  };
  const v = side.variable;
  const step = (s: number): string => {
    switch (side.load) {
      case 'k4':
        return read(s, v, true);
      case 'i4':
        return read(s, `${v} + pk${s}`, true);
      case 'scalar':
        return `vec4f(${FOUR.map((c) => read(s, `${v} + ${c}u`, false)).join(', ')})`;
    }
  };
  return {
    start: list(sets, dealt),
    step: list(sets, (s) => `let a${s} = ${step(s)};`),
    value: (i, q) => {
      const f = along ? q * perK + Math.floor(i / 4) : i;
      const component = 'xyzw'[along ? i % 4 : q];
      return broadcast
        ? `subgroupBroadcast(a${Math.floor(f / lanes)}.${component}, ${f % lanes}u)`
        : `a${f}.${component}`;
    },
  };
}
