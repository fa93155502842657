import { type GemmSpec, type SubgroupTile, walksTaps } from './spec.js';

/** WGSL that loads the broadcast side of the subgroup body. */
export interface RowLoader {
  start: string;
  /** Runs when the tap changes. */
  tap: string;
  /** Loads four k into registers. */
  step: string;
  /** P[row i of the tile, k + q] as an expression. */
  value(i: number, q: number): string;
}

const X = 'xyzw';
const list = (n: number, f: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => f(i));

/** Where P lies: element offsets of this product and of a tap, and strides along row and k. */
function address(spec: GemmSpec): { base: string; row: string; k: string; tap: string } {
  const tap = walksTaps(spec) ? 'u32(kh * P.kw + kw) * P.ci' : '';
  const weight = 'member * P.wPart + channelGroup * P.co * tapWidth';
  switch (spec.problem) {
    case 'matmul':
      return { base: 'part * P.pPart', row: 'P.pI', k: 'P.pK', tap };
    case 'convForward': // w[co, tap, ci] with rows co; k counts ci, or (tap, ci), which lie in a row
      return { base: weight, row: 'tapWidth', k: '1u', tap };
    case 'convInput': // w[co, tap, ci] with rows ci; k counts co, or (co, tap) in steps of ci
      return { base: weight, row: '1u', k: tap ? 'tapWidth' : 'P.ci', tap };
    case 'convWeight': // dy[pixel, co] with rows co; k counts pixels
      return { base: 'member * P.yPart + channelGroup * P.co', row: '1u', k: 'P.co * P.groups', tap };
  }
}

/** Rows past the end read the last row; their results are never stored. */
export function rowLoader(spec: GemmSpec, tile: SubgroupTile): RowLoader {
  const { lanes, rows } = tile;
  const a = address(spec);
  const widen = (v: string, vector: boolean) => (spec.p.half ? `${vector ? 'vec4f' : 'f32'}(${v})` : v);
  const at = (k: number) => (spec.tail ? `min(k + ${k}u, P.depth - 1u)` : `(k + ${k}u)`);
  const masked = (k: number, v: string, zero: string) => (spec.tail ? `select(${zero}, ${v}, k + ${k}u < kEnd)` : v);
  const tap = a.tap ? `let pTap = pBase + ${a.tap};` : '';
  const pTap = a.tap ? 'pTap' : 'pBase';
  const sets = Math.ceil(rows / lanes);
  if (spec.p.load === 'i4') {
    // rows / 4 vectors for each of four k, dealt out to the lanes in turn, so that no lane loads in vain.
    const perK = rows / 4;
    const place = (i: number, q: number) => {
      const f = q * perK + Math.floor(i / 4);
      return { set: Math.floor(f / lanes), lane: f % lanes };
    };
    return {
      start: [
        `let pBase = ${a.base};`,
        ...list(
          sets,
          (s) => `let dealt${s} = ${s * lanes}u + lane;
  let pk${s} = dealt${s} / ${perK}u;
  let pRow${s} = min(row0 / 4u + dealt${s} % ${perK}u, (P.rows + 3u) / 4u - 1u);`,
        ),
      ].join('\n'),
      tap,
      step: list(sets, (s) => {
        const k = `min(k + pk${s}, P.depth - 1u)`;
        const load = widen(`p[(${pTap} + ${k} * ${a.k}) / 4u + pRow${s}]`, true);
        return `let a${s} = ${spec.tail ? `select(vec4f(0.0), ${load}, k + pk${s} < kEnd)` : load};`;
      }).join('\n'),
      value: (i, q) => `subgroupBroadcast(a${place(i, q).set}.${X[i % 4]}, ${place(i, q).lane}u)`,
    };
  }
  return {
    start: [
      `let pBase = ${a.base};`,
      ...list(sets, (s) => `let pRow${s} = min(row0 + ${s * lanes}u + lane, P.rows - 1u) * ${a.row};`),
    ].join('\n'),
    tap,
    step: list(sets, (s) =>
      spec.p.load === 'k4'
        ? `let a${s} = ${widen(`p[(${pTap} + pRow${s} + k) / 4u]`, true)};`
        : `let a${s} = vec4f(${list(4, (k) => masked(k, widen(`p[${pTap} + pRow${s} + ${at(k)} * ${a.k}]`, false), '0.0')).join(', ')});`,
    ).join('\n'),
    value: (i, q) => `subgroupBroadcast(a${Math.floor(i / lanes)}.${X[q]}, ${i % lanes}u)`,
  };
}
