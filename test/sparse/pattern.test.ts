import { describe, expect, it } from 'vitest';
import { ArgumentError, DisposedError, scope } from '../../src/index.js';
import { csrPattern, type HostCsr, toCsr } from '../../src/sparse/index.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { arraysOf, csrOf, randomMask } from './masks.js';

const t = testDevice();

/** Both directions straight from the definition: a list of entries, sorted for each. */
function definition(mask: ArrayLike<number>, parts: number, rows: number, cols: number) {
  const entries: { part: number; row: number; col: number; position: number }[] = [];
  for (let i = 0; i < parts * rows * cols; i++) {
    if (mask[i]) {
      const [part, row, col] = [Math.floor(i / (rows * cols)), Math.floor(i / cols) % rows, i % cols];
      entries.push({ part, row, col, position: entries.length });
    }
  }
  const direction = (name: string, count: number, line: 'row' | 'col', across: 'row' | 'col') => {
    const sorted = [...entries].sort((a, b) => a.part - b.part || a[line] - b[line] || a[across] - b[across]);
    const lengths = Array.from(
      { length: parts * count },
      (_, l) => entries.filter((e) => e.part * count + e[line] === l).length,
    );
    const starts = [0];
    for (const length of lengths) starts.push(starts[starts.length - 1] + length);
    const order = lengths
      .map((_, l) => l)
      .sort((a, b) => Math.floor(a / count) - Math.floor(b / count) || lengths[b] - lengths[a] || a - b);
    return {
      [`${name}.count`]: count,
      [`${name}.longest`]: Math.max(0, ...lengths),
      [`${name}.starts`]: starts,
      [`${name}.across`]: sorted.map((e) => e[across]),
      [`${name}.lineOf`]: sorted.map((e) => e[line]),
      [`${name}.order`]: order,
      [`${name}.entries`]: name === 'byRow' ? null : sorted.map((e) => e.position),
    };
  };
  return {
    nnz: entries.length,
    ...direction('byRow', rows, 'row', 'col'),
    ...direction('byColumn', cols, 'col', 'row'),
  };
}

describe('csrPattern', () => {
  it.each([
    [1, 5, 7, 0.5],
    [3, 4, 6, 0.4],
    [1, 1, 1, 1],
    [1, 3, 5, 0],
    [2, 3, 2, 1],
    [1, 0, 4, 0],
    [1, 4, 0, 0],
    [0, 2, 3, 0],
    [1, 37, 29, 0.1],
  ])('has the arrays of %i x [%i, %i] at density %d', async (parts, rows, cols, density) => {
    const mask = randomMask(new Inputs(`csr ${parts} ${rows} ${cols}`), parts * rows * cols, density);
    using pattern = csrPattern(t.device, csrOf(mask, parts, rows, cols));
    expect(await arraysOf(pattern)).toEqual(definition(mask, parts, rows, cols));
    expect(pattern.density).toBe(mask.length === 0 ? 0 : pattern.nnz / mask.length);
    const back = await toCsr(pattern);
    const csr = csrOf(mask, parts, rows, cols);
    expect({ ...back, offsets: [...back.offsets], columns: [...back.columns] }).toEqual(csr);
  });

  const good: HostCsr = { rows: 2, cols: 4, offsets: [0, 2, 3], columns: [1, 3, 0] };
  it.each<[string, Partial<HostCsr>, string]>([
    ['columns that are unsorted', { columns: [3, 1, 0] }, 'column 3 before 1 at row 0, entry 1'],
    ['a column twice', { columns: [1, 1, 0] }, 'column 1 twice at row 0, entry 1'],
    ['a column out of range', { columns: [1, 4, 0] }, 'columns in [0, 4), got 4 at row 0, entry 1'],
    ['a negative column', { columns: [-1, 3, 0] }, 'columns in [0, 4), got -1 at row 0, entry 0'],
    ['a broken column', { columns: [1, 1.5, 0] }, 'columns in [0, 4), got 1.5 at row 0, entry 1'],
    ['a column that is NaN', { columns: [1, Number.NaN, 0] }, 'columns in [0, 4), got NaN at row 0, entry 1'],
    ['too few offsets', { offsets: [0, 3] }, 'expected 3 offsets, got 2'],
    ['offsets that do not start at 0', { offsets: [1, 2, 3] }, 'offsets from 0 to 3, got 1 to 3'],
    ['offsets that do not end at the entries', { offsets: [0, 2, 4] }, 'offsets from 0 to 3, got 0 to 4'],
    ['offsets that fall', { offsets: [0, 5, 3] }, 'never fall, got 5 then 3 at row 1'],
    ['an offset that is NaN', { offsets: [0, Number.NaN, 3] }, 'never fall, got 0 then NaN at row 0'],
    ['a broken number of rows', { rows: 1.5 }, 'rows as a whole number, got 1.5'],
    ['a negative number of columns', { cols: -1 }, 'cols as a whole number, got -1'],
    ['parts that are not whole', { parts: 0.5 }, 'parts as a whole number, got 0.5'],
  ])('refuses %s', (_, change, message) => {
    const make = () => csrPattern(t.device, { ...good, ...change });
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(message);
  });

  it('outlives the scope that it was made in, and is gone after dispose', async () => {
    const pattern = scope(() => csrPattern(t.device, good));
    expect((await toCsr(pattern)).columns).toEqual(Uint32Array.of(1, 3, 0));
    expect(String(pattern)).toBe('pattern [2, 4] with 3 entries');
    pattern.dispose();
    pattern.dispose();
    expect(pattern.isDisposed).toBe(true);
    await expect(toCsr(pattern)).rejects.toThrow(DisposedError);
  });
});
