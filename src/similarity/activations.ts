import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** Values on the host with their shape, row-major. */
export interface HostActivations {
  data: Float32Array | Float64Array;
  shape: readonly number[];
}

/** What a layer gave for a list of inputs: [points, neurons], or images [points, h, w, channels]. f32 on a device. */
export type Activations = Tensor | HostActivations;

/** A float64 matrix [rows, cols] on the host: rows are data points, columns neurons. */
export interface Matrix {
  data: Float64Array;
  rows: number;
  cols: number;
}

/** @throws ShapeError unless both are [points, neurons] with as many points */
export function assertPair(op: string, x: Activations, y: Activations): void {
  for (const [name, a] of [
    ['x', x],
    ['y', y],
  ] as const) {
    if (a.shape.length !== 2) {
      const hint = a.shape.length === 4 ? ' (see asPoints for activations of convolutions)' : '';
      throw new ShapeError(op, `${name} as [points, neurons]${hint}`, showShape(a.shape));
    }
    if (a.shape[1] === 0 || a.shape[0] === 0)
      throw new ShapeError(op, `${name} with points and neurons`, showShape(a.shape));
    if (!(a instanceof Tensor) && a.data.length !== a.shape[0] * a.shape[1])
      throw new ShapeError(op, `${a.shape[0] * a.shape[1]} values in ${name}`, `${a.data.length}`);
  }
  if (x.shape[0] !== y.shape[0])
    throw new ShapeError(op, 'as many points in x as in y', `${showShape(x.shape)} and ${showShape(y.shape)}`);
}

/** The values in float64. @throws ArgumentError for NaN or infinity, naming the place */
export async function hostMatrix(op: string, name: string, a: Activations): Promise<Matrix> {
  const data = Float64Array.from(a instanceof Tensor ? await a.data() : a.data);
  const [rows, cols] = a.shape;
  const bad = data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    const at = `${data[bad]} at point ${Math.floor(bad / cols)}, neuron ${bad % cols}`;
    throw new ArgumentError(op, `finite values in ${name}`, at);
  }
  return { data, rows, cols };
}

/** The matrix with every column's mean taken off. */
export function centred({ data, rows, cols }: Matrix): Matrix {
  const mean = new Float64Array(cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) mean[j] += data[i * cols + j] / rows;
  const out = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) out[i * cols + j] = data[i * cols + j] - mean[j];
  return { data: out, rows, cols };
}

/** Neurons whose variance is below this share of the greatest say nothing, and are dropped. */
const DEAD = 1e-10;

/** Columns that live, given every column's sum of squares about its mean; none where nothing varies. */
export function livingNeurons(squares: ArrayLike<number>): number[] {
  let most = 0;
  for (let j = 0; j < squares.length; j++) most = Math.max(most, squares[j]);
  return Array.from({ length: squares.length }, (_, j) => j).filter((j) => most > 0 && squares[j] >= DEAD * most);
}

/** Some columns of a matrix. */
export function selectColumns({ data, rows, cols }: Matrix, kept: readonly number[]): Matrix {
  if (kept.length === cols) return { data, rows, cols };
  const out = new Float64Array(rows * kept.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < kept.length; j++) out[i * kept.length + j] = data[i * cols + kept[j]];
  return { data: out, rows, cols: kept.length };
}

/** Sum of squares of each column. */
export function columnSquares({ data, rows, cols }: Matrix): Float64Array {
  const squares = new Float64Array(cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) squares[j] += data[i * cols + j] ** 2;
  return squares;
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
