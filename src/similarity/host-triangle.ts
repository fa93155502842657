import { makeReflector, reflect } from '../linalg/host/householder.js';
import { centred, columnMeans, type Matrix } from './activations.js';

/**
 * Centred activations [x, y] of two sides, turned by an orthogonal map of the points: r with rᵀ r = [X, Y]ᵀ [X, Y]. All
 * measures that do not change with rotations of the points follow from it, and nothing was squared to get it.
 */
export interface Triangle {
  points: number;
  /** [rows, p + q]: upper triangular, or the centred activations themselves where they have no more rows than columns. */
  r: Matrix;
  triangular: boolean;
  /** Mean of each neuron of both sides: [p + q]. */
  mean: Float64Array;
}

/** Points that are folded in at a time: a block of 512 neurons stays in the cache. */
const BLOCK = 256;

/**
 * A triangle in float64 of batches that come one after the other. Its state is (p + q)² numbers, whatever the number
 * of points. Batches with means of their own are joined as by Chan, Golub and LeVeque (1979): the difference of means
 * is one more row.
 */
export class HostTriangle {
  points = 0;
  private readonly width: number;
  /** The first point: columns that never change are then exactly zero. */
  private readonly shift: Float64Array;
  /** Mean of what lies beyond the shift. */
  private readonly mean: Float64Array;
  private readonly r: Float64Array;

  constructor(width: number) {
    this.width = width;
    this.shift = new Float64Array(width);
    this.mean = new Float64Array(width);
    this.r = new Float64Array(width * width);
  }

  /** Folds in points [rows, width], finite. */
  add({ data, rows, cols }: Matrix): void {
    if (this.points === 0) this.shift.set(data.subarray(0, cols));
    for (let first = 0; first < rows; first += BLOCK) {
      const count = Math.min(BLOCK, rows - first);
      this.fold(data.subarray(first * cols, (first + count) * cols), count);
    }
  }

  triangle(): Triangle {
    return {
      points: this.points,
      r: { data: this.r.slice(), rows: this.width, cols: this.width },
      triangular: true,
      mean: this.mean.map((value, j) => value + this.shift[j]),
    };
  }

  /**
   * Reflectors empty the block, column by column. Each column is kept as a run of its own: a slot for the row of r that
   * the reflector changes, the block's centred values, and the step between the means.
   */
  private fold(block: Float64Array, count: number): void {
    const { width, r } = this;
    const length = count + 2;
    const columns = this.columnsOf(block, count);
    for (let i = 0; i < width; i++) {
      columns[i * length] = r[i * width + i];
      const { alpha, beta } = makeReflector(columns, { start: i * length, step: 1, length });
      r[i * width + i] = alpha;
      if (beta === 0) continue;
      for (let j = i + 1; j < width; j++) {
        columns[j * length] = r[i * width + j];
        reflect(columns, i * length, beta, columns, j * length, length);
        r[i * width + j] = columns[j * length];
      }
    }
  }

  private columnsOf(block: Float64Array, count: number): Float64Array {
    const { width, points } = this;
    const length = count + 2;
    const columns = new Float64Array(width * length);
    const total = points + count;
    const weight = Math.sqrt((points * count) / total);
    for (let j = 0; j < width; j++) {
      const at = j * length + 1;
      let mean = 0;
      for (let i = 0; i < count; i++) mean += (columns[at + i] = block[i * width + j] - this.shift[j]) / count;
      for (let i = 0; i < count; i++) columns[at + i] -= mean;
      columns[at + count] = weight * (mean - this.mean[j]);
      this.mean[j] += ((mean - this.mean[j]) * count) / total;
    }
    this.points = total;
    return columns;
  }
}

/** The triangle of one matrix: the matrix itself, centred, where it has no more rows than columns. */
export function hostTriangle(xy: Matrix): Triangle {
  if (xy.rows <= xy.cols) return { points: xy.rows, r: centred(xy), triangular: false, mean: columnMeans(xy) };
  const whole = new HostTriangle(xy.cols);
  whole.add(xy);
  return whole.triangle();
}

/** Two matrices of as many rows side by side. */
export function besides(a: Matrix, b: Matrix): Matrix {
  const cols = a.cols + b.cols;
  const data = new Float64Array(a.rows * cols);
  for (let i = 0; i < a.rows; i++) {
    data.set(a.data.subarray(i * a.cols, (i + 1) * a.cols), i * cols);
    data.set(b.data.subarray(i * b.cols, (i + 1) * b.cols), i * cols + a.cols);
  }
  return { data, rows: a.rows, cols };
}
