import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/** How a matrix of flags or numbers becomes bits. */
export interface BitsSpec {
  /** Stored values; numbers are nonzero or not, and a NaN is reported. */
  type: 'f32' | 'u32';
  /** 4: vec4 loads, where lines are a multiple of 4 long. */
  lanes: 1 | 4;
  workgroup: number;
}

/** Always 32, but a parameter: software drivers unroll loops of constant length, which took 0.7 s to compile here. */
const SIDE = ['side', 'u32'] as const;

/** Whether a stored value counts: bit tests, so that -0 is zero, and no compiler may flush a denormal or assume NaN away. */
const TESTS = {
  f32: { kept: '(v << one) != zero', nan: '(v << one) > zero + 0xff000000u' },
  u32: { kept: 'v != zero', nan: '' },
};

/**
 * bits[line, w] = bit b set where x[line, 32 w + b] is not 0, and counts[line, w] = its set bits.
 * census[0] = the least index of a NaN, where numbers are read.
 *
 * Layout: x [lines, cols] by its bits, bits and counts [lines, ceil(cols / 32)]; the bits behind a line's end are 0.
 * Tiling: one word an invocation, grid-stride. Cost: one load an element.
 */
export function bitsShader({ type, lanes, workgroup }: BitsSpec): Shader {
  const T = lanes === 4 ? 'vec4u' : 'u32';
  const nan = TESTS[type].nan;
  const collect = (into: string, test: string) =>
    lanes === 4
      ? `${into} |= dot(select(zero, one, ${test}), vec4u(1u, 2u, 4u, 8u)) << b;`
      : `${into} |= select(zero, one, ${test}) << b;`;
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let zero = ${T}(0u);
  let one = ${T}(1u);
  let stride = groups.x * groups.y * ${workgroup}u;
  for (var i = gid.x + gid.y * groups.x * ${workgroup}u; i < P.words; i += stride) {
    let first = (i % P.words_a_line) * 32u;
    let base = i / P.words_a_line * P.cols + first;
    let n = min(P.side, P.cols - first);
    var word = 0u;
#if ${nan !== ''}
    var nans = 0u;
#endif
    for (var b = 0u; b < n; b += ${lanes}u) {
      let v = x[(base + b) / ${lanes}u];
      ${collect('word', TESTS[type].kept)}
#if ${nan !== ''}
      ${collect('nans', nan)}
#endif
    }
    bits[i] = word;
    counts[i] = countOneBits(word);
#if ${nan !== ''}
    if (nans != 0u) { atomicMin(&census[0], base + firstTrailingBit(nans)); }
#endif
  }
}`;
  return {
    code,
    bindings: [
      { name: 'x', access: 'read', type: `array<${T}>` },
      { name: 'bits', access: 'read_write', type: 'array<u32>' },
      { name: 'counts', access: 'read_write', type: 'array<u32>' },
      ...(nan === '' ? [] : [{ name: 'census', access: 'read_write', type: 'array<atomic<u32>>' } as const]),
    ],
    params: [['words', 'u32'], ['words_a_line', 'u32'], ['cols', 'u32'], SIDE],
  };
}

/**
 * The bits of the transposed matrix of every part, and the set bits of each word.
 *
 * Layout: bits [parts, rows, ceil(cols / 32)], flipped and counts [parts, cols, ceil(rows / 32)].
 * Tiling: one block of 32 x 32 bits an invocation, grid-stride; halves of halves of it change places (16, 8, 4, 2, 1).
 * Cost: one load and two stores a word, 80 exchanges a block.
 */
export function flipBitsShader({ workgroup }: { workgroup: number }): Shader {
  const code = `
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${workgroup}u;
  let row_words = (P.cols + 31u) / 32u;
  let col_words = (P.rows + 31u) / 32u;
  for (var i = gid.x + gid.y * groups.x * ${workgroup}u; i < P.blocks; i += stride) {
    let w = i % row_words;
    let h = i / row_words % col_words;
    let part = i / row_words / col_words;
    let rows = min(P.side, P.rows - h * 32u);
    let cols = min(P.side, P.cols - w * 32u);
    var block: array<u32, 32>;
    for (var r = 0u; r < rows; r++) { block[r] = bits[(part * P.rows + h * 32u + r) * row_words + w]; }
    for (var r = rows; r < P.side; r++) { block[r] = 0u; }
    var mask = 0x0000ffffu;
    for (var j = P.side >> 1u; j > 0u; j >>= 1u) {
      for (var k = 0u; k < P.side; k = (k + j + 1u) & ~j) {
        let swap = ((block[k] >> j) ^ block[k + j]) & mask;
        block[k + j] ^= swap;
        block[k] ^= swap << j;
      }
      mask ^= mask << (j >> 1u);
    }
    for (var c = 0u; c < cols; c++) {
      let at = (part * P.cols + w * 32u + c) * col_words + h;
      flipped[at] = block[c];
      counts[at] = countOneBits(block[c]);
    }
  }
}`;
  return {
    code,
    bindings: [
      { name: 'bits', access: 'read', type: 'array<u32>' },
      { name: 'flipped', access: 'read_write', type: 'array<u32>' },
      { name: 'counts', access: 'read_write', type: 'array<u32>' },
    ],
    params: [['blocks', 'u32'], ['rows', 'u32'], ['cols', 'u32'], SIDE],
  };
}
