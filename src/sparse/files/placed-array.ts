import type { FormatError } from '../../gpu/errors.js';
import { showShape } from '../../tensor/shape.js';
import { type CsrMatrix, csrOfDense, MOST, readColumns, readOffsets } from './csr-matrix.js';
import { ELEMENT_BYTES, type FileArray } from './elements.js';
import { type IntegerSource, integerRange, type Source } from './source.js';

/** An array and where it lies in its file, which errors about its elements name. */
export class PlacedArray {
  /** @param at place of the first element's first byte */
  constructor(
    readonly source: Source,
    readonly array: FileArray,
    private readonly at: number,
  ) {}

  place(element: number): string {
    return `byte ${this.at + element * ELEMENT_BYTES[this.array.dtype]}`;
  }

  error(element: number, expected: string, got: string): FormatError {
    return this.source.error(this.place(element), expected, got);
  }

  claim(bytes: number, what: string): void {
    this.source.claim(bytes, this.place(0), what);
  }

  /** @throws FormatError unless the array is a vector, of the length if one is given */
  vector(length?: number): this {
    const { shape } = this.array;
    if (shape.length === 1 && shape[0] === (length ?? shape[0])) return this;
    const expected = length === undefined ? 'a vector' : `a vector of ${length} elements`;
    throw this.error(0, expected, `shape ${showShape(shape)}`);
  }

  /** @throws FormatError for an array of another type than whole numbers, and later for each number out of its range */
  integers(): IntegerSource {
    const { dtype, data } = this.array;
    if (!/^[iu]/.test(dtype)) throw this.error(0, 'whole numbers', dtype);
    let next = 0;
    const integer = (what: string, low: number, high: number) => {
      const value = Number(data[next]);
      if (!(value >= low && value <= high)) throw this.error(next, integerRange(what, low, high), String(data[next]));
      next++;
      return value;
    };
    return { integer };
  }

  /** The elements in float32. @throws FormatError for one that is not finite then */
  floats(): Float32Array {
    const { data } = this.array;
    const long = data instanceof BigInt64Array || data instanceof BigUint64Array;
    this.claim(4 * data.length, `${data.length} values`);
    const values = long ? Float32Array.from(data as Iterable<bigint>, Number) : new Float32Array(data);
    const bad = values.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) throw this.error(bad, 'a value finite in float32', String(data[bad]));
    return values;
  }
}

/** A sparse matrix of the arrays of its compressed rows. */
export function csrOfArrays(
  [rows, cols]: readonly number[],
  offsets: PlacedArray,
  columns: PlacedArray,
  values: PlacedArray | undefined,
): CsrMatrix {
  offsets.vector(rows + 1);
  const nnz = columns.vector().array.shape[0];
  values?.vector(nnz);
  columns.claim(4 * (rows + 1 + nnz), `${rows} rows and ${nnz} entries`);
  const starts = readOffsets(offsets.integers(), rows, nnz);
  const across = readColumns(columns.integers(), starts, cols);
  return { rows, cols, offsets: starts, columns: across, ...(values && { values: values.floats() }) };
}

/** The elements of a dense matrix that are not 0, with their values; those of a mask have none. */
export function csrOfMatrix(placed: PlacedArray): CsrMatrix {
  const { dtype, shape } = placed.array;
  if (shape.length !== 2 || Math.max(...shape) > MOST) throw placed.error(0, 'a matrix', `shape ${showShape(shape)}`);
  const [, cols] = shape;
  const dense = placed.floats();
  const { values, ...pattern } = csrOfDense(placed.source, placed.place(0), shape, (r, c) => dense[r * cols + c]);
  return dtype === 'bool' || dtype === 'u8' ? pattern : { ...pattern, values };
}
