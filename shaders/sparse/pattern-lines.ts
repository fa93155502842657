import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { Shader } from '../../src/gpu/kernel.js';

/**
 * starts[line] = entries before the line, lengths[line] = entries of the line; census[1] = all entries, and
 * census[P.slot] = the greatest length.
 *
 * Layout: word_starts [lines * words_a_line + 1], the exclusive scan of the words' counts; starts [lines + 1].
 * Tiling: one line at a time, grid-stride; one atomic maximum an invocation.
 */
export function lineStartsShader({ workgroup }: { workgroup: number }): Shader {
  const code = `
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${workgroup}u;
  var longest = 0u;
  for (var i = gid.x + gid.y * groups.x * ${workgroup}u; i <= P.lines; i += stride) {
    let start = word_starts[i * P.words_a_line];
    starts[i] = start;
    if (i < P.lines) {
      let length = word_starts[(i + 1u) * P.words_a_line] - start;
      lengths[i] = length;
      longest = max(longest, length);
    } else {
      atomicStore(&census[1], start);
    }
  }
  atomicMax(&census[P.slot], longest);
}`;
  return {
    code,
    bindings: [
      { name: 'word_starts', access: 'read', type: 'array<u32>' },
      { name: 'starts', access: 'read_write', type: 'array<u32>' },
      { name: 'lengths', access: 'read_write', type: 'array<u32>' },
      { name: 'census', access: 'read_write', type: 'array<atomic<u32>>' },
    ],
    params: [
      ['lines', 'u32'],
      ['words_a_line', 'u32'],
      ['slot', 'u32'],
    ],
  };
}

export interface EntriesSpec {
  /** Lines are columns: also finds where each entry lies in the order by row. */
  byColumn: boolean;
  workgroup: number;
}

/**
 * Writes the entries of every word, in ascending order: across = coordinate along the line, line_of = the line within
 * its part, and by column entries = position by row, which is the start of the row's word plus the set bits before.
 *
 * Layout: bits and word_starts [parts, count, ceil(length / 32)] of lines of `length`; row_bits and row_starts the same
 * by row, [parts, length, ceil(count / 32)].
 * Tiling: one word an invocation, grid-stride. Cost: two loads a word; two stores an entry, by column also two loads and
 * a store.
 */
export function entriesShader({ byColumn, workgroup }: EntriesSpec): Shader {
  const code = wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let stride = groups.x * groups.y * ${workgroup}u;
  let words_a_line = (P.length + 31u) / 32u;
  let row_words = (P.count + 31u) / 32u;
  for (var i = gid.x + gid.y * groups.x * ${workgroup}u; i < P.words; i += stride) {
    var word = bits[i];
    var at = word_starts[i];
    let first = (i % words_a_line) * 32u;
    let line = i / words_a_line % P.count;
#if ${byColumn}
    let rows = i / words_a_line / P.count * P.length;
    let before = (1u << (line & 31u)) - 1u;
#endif
    while (word != 0u) {
      let k = first + firstTrailingBit(word);
      across[at] = k;
      line_of[at] = line;
#if ${byColumn}
      let of_row = (rows + k) * row_words + (line >> 5u);
      entries[at] = row_starts[of_row] + countOneBits(row_bits[of_row] & before);
#endif
      word &= word - 1u;
      at++;
    }
  }
}`;
  return {
    code,
    bindings: [
      { name: 'bits', access: 'read', type: 'array<u32>' },
      { name: 'word_starts', access: 'read', type: 'array<u32>' },
      ...(byColumn
        ? ([
            { name: 'row_bits', access: 'read', type: 'array<u32>' },
            { name: 'row_starts', access: 'read', type: 'array<u32>' },
          ] as const)
        : []),
      { name: 'across', access: 'read_write', type: 'array<u32>' },
      { name: 'line_of', access: 'read_write', type: 'array<u32>' },
      ...(byColumn ? [{ name: 'entries', access: 'read_write', type: 'array<u32>' } as const] : []),
    ],
    params: [
      ['words', 'u32'],
      ['count', 'u32'],
      ['length', 'u32'],
    ],
  };
}
