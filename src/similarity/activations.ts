import type { Device } from '../gpu/device.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { cast } from '../ops/pointwise.js';
import { slice } from '../ops/slice.js';
import { assertDType } from '../tensor/dtype.js';
import { type Shape, showShape, sizeOf } from '../tensor/shape.js';
import { Tensor, tensor } from '../tensor/tensor.js';

/** Values on the host with their shape, row-major. */
export interface HostActivations {
  data: Float32Array | Float64Array;
  shape: Shape;
}

/** What a layer gave for a list of inputs: [points, neurons], or images [points, h, w, channels]. f32 or f16 on a device. */
export type Activations = Tensor | HostActivations;

/** A float64 matrix [rows, cols] on the host: rows are data points, columns neurons. */
export interface Matrix {
  data: Float64Array;
  rows: number;
  cols: number;
}

/**
 * Checks one side without reading a device.
 *
 * @throws ShapeError unless it has `rank` axes, none of them empty, and as many values as its shape says
 * @throws DTypeError for tensors of other than f32 or f16
 */
export function assertActivations(op: string, name: string, a: Activations, rank: 2 | 4): void {
  const { shape } = a;
  if (shape.length !== rank) {
    const hint = rank === 2 && shape.length === 4 ? ' (see convPoints for activations of convolutions)' : '';
    const axes = rank === 2 ? '[points, neurons]' : '[points, h, w, channels]';
    throw new ShapeError(op, `${name} as ${axes}${hint}`, showShape(shape));
  }
  if (sizeOf(shape) === 0) throw new ShapeError(op, `${name} with points and neurons`, showShape(shape));
  if (a instanceof Tensor) assertDType(op, name, a.dtype, 'f32', 'f16');
  else if (a.data.length !== sizeOf(shape))
    throw new ShapeError(op, `${sizeOf(shape)} values in ${name}`, `${a.data.length}`);
}

/** @throws ShapeError unless both are [points, neurons] with as many points; otherwise as `assertActivations` */
export function assertPair(op: string, x: Activations, y: Activations, rank: 2 | 4 = 2): void {
  assertActivations(op, 'x', x, rank);
  assertActivations(op, 'y', y, rank);
  if (x.shape[0] !== y.shape[0])
    throw new ShapeError(op, 'as many points in x as in y', `${showShape(x.shape)} and ${showShape(y.shape)}`);
}

/** The values in float64, a fresh copy. @throws ArgumentError for NaN or infinity, naming the place */
export async function hostMatrix(op: string, name: string, a: Activations): Promise<Matrix> {
  const data = Float64Array.from(a instanceof Tensor ? await a.data() : a.data);
  const rows = a.shape[0];
  const cols = data.length / rows;
  const bad = data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    const at = `${data[bad]} at point ${Math.floor(bad / cols)}, neuron ${bad % cols}`;
    throw new ArgumentError(op, `finite values in ${name}`, at);
  }
  return { data, rows, cols };
}

/** Rows `begin` to `end` as an f32 tensor for the innermost scope: a view or copy of a tensor's, or an upload. */
export function deviceRows(device: Device, a: Activations, begin = 0, end = a.shape[0]): Tensor {
  const size = sizeOf(a.shape.slice(1));
  const shape = [end - begin, ...a.shape.slice(1)];
  if (!(a instanceof Tensor)) {
    const part = a.data.subarray(begin * size, end * size);
    return tensor(device, part instanceof Float32Array ? part : new Float32Array(part), { shape });
  }
  const rows = begin === 0 && end === a.shape[0] ? a : slice(a, [begin], [end]);
  return rows.dtype === 'f16' ? cast(rows, 'f32') : rows;
}

/** The matrix less every column's mean; exactly zero where a column never changes. */
export function centred({ data, rows, cols }: Matrix): Matrix {
  // Taken relative to the first point, a column that never changes has sums without rounding.
  const mean = new Float64Array(cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) mean[j] += (data[i * cols + j] - data[j]) / rows;
  const out = new Float64Array(data.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) out[i * cols + j] = data[i * cols + j] - data[j] - mean[j];
  return { data: out, rows, cols };
}

/** Mean of each column. */
export function columnMeans({ data, rows, cols }: Matrix): Float64Array {
  const mean = new Float64Array(cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) mean[j] += (data[i * cols + j] - data[j]) / rows;
  return mean.map((value, j) => value + data[j]);
}

/** Sum of squares of each column. */
export function columnSquares({ data, rows, cols }: Matrix): Float64Array {
  const squares = new Float64Array(cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) squares[j] += data[i * cols + j] ** 2;
  return squares;
}

/** Neurons whose variance is below this share of the greatest say nothing, and are dropped. */
export const DEAD = 1e-10;

/** Columns that live, given every column's sum of squares about its mean; none where nothing varies. */
export function livingNeurons(squares: ArrayLike<number>): number[] {
  let most = 0;
  for (let j = 0; j < squares.length; j++) most = Math.max(most, squares[j]);
  return Array.from({ length: squares.length }, (_, j) => j).filter((j) => most > 0 && squares[j] >= DEAD * most);
}

/** Some columns of a matrix. */
export function selectColumns({ data, rows, cols }: Matrix, kept: readonly number[]): Matrix {
  const out = new Float64Array(rows * kept.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < kept.length; j++) out[i * kept.length + j] = data[i * cols + kept[j]];
  return { data: out, rows, cols: kept.length };
}

/** aᵀ b, [a.cols, b.cols]. */
export function transposedProduct(a: Matrix, b: Matrix): Float64Array {
  const out = new Float64Array(a.cols * b.cols);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < a.cols; j++) {
      const s = a.data[i * a.cols + j];
      if (s === 0) continue;
      const row = j * b.cols;
      for (let k = 0; k < b.cols; k++) out[row + k] += s * b.data[i * b.cols + k];
    }
  }
  return out;
}
