import type { Tensor } from '../../src/index.js';
import type { HostCsr, Lines, Pattern } from '../../src/sparse/index.js';
import type { Inputs } from '../support/random.js';

/** Random flags, each set with probability `density`; 0 and 1 are exact. */
export const randomMask = (inputs: Inputs, size: number, density: number): Uint8Array =>
  Uint8Array.from(inputs.uniform(size, 0, 1), (u) => (u < density ? 1 : 0));

/** Compressed rows of flags [parts, rows, cols]. */
export function csrOf(mask: ArrayLike<number>, parts: number, rows: number, cols: number): Required<HostCsr> {
  const offsets = [0];
  const columns: number[] = [];
  for (let line = 0; line < parts * rows; line++) {
    for (let c = 0; c < cols; c++) if (mask[line * cols + c]) columns.push(c);
    offsets.push(columns.length);
  }
  return { rows, cols, parts, offsets, columns };
}

/** Every array of a pattern, by name. */
export async function arraysOf(pattern: Pattern): Promise<Record<string, number | readonly number[] | null>> {
  const out: Record<string, number | readonly number[] | null> = { nnz: pattern.nnz };
  const read = async (t: Tensor | null) => t && [...(await t.data())];
  for (const [name, lines] of Object.entries({ byRow: pattern.byRow, byColumn: pattern.byColumn }) as [
    string,
    Lines,
  ][]) {
    out[`${name}.count`] = lines.count;
    out[`${name}.longest`] = lines.longest;
    for (const field of ['starts', 'across', 'lineOf', 'order', 'entries'] as const)
      out[`${name}.${field}`] = await read(lines[field]);
  }
  return out;
}
