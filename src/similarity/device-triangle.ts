import { apply, input } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { qrTriangle, triangleInPlace } from '../linalg/qr.js';
import { concat } from '../ops/concat.js';
import { expand } from '../ops/expand.js';
import { add, div, mul, sub } from '../ops/pointwise.js';
import { extremumOf } from '../ops/reduce.js';
import { alias } from '../ops/reshape.js';
import { slice } from '../ops/slice.js';
import { keep } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { centredBeyond, peakOf, untracked } from './device-centred.js';

interface State {
  /** [rows, width], more than `width` rows only between small batches; in units of `unit`. */
  r: Tensor;
  triangular: boolean;
  /** Mean of what lies beyond the shift: [1, width]. */
  mean: Tensor;
  /** The first point, and for each neuron the greatest magnitude of its side beyond that in the first batch: [1, width]. */
  shift: Tensor;
  unit: Tensor;
}

/** As much of the largest binding as one batch may take: factoring it needs several tensors of its size. */
const SHARE = 4;

/** `HostTriangle` in float32 on a device: the same algebra by blocked QR. Nothing is read back. */
export class DeviceTriangle {
  points = 0;
  readonly width: number;
  private state: State | null = null;

  /** @param sides neurons of one or two sides, which may be of quite different units */
  constructor(
    readonly device: Device,
    private readonly sides: readonly number[],
  ) {
    this.width = sides.reduce((sum, neurons) => sum + neurons, 0);
  }

  /**
   * Folds in points, in parts of a size that fits.
   *
   * @param rows gives the points from begin to end, f32, as tensors [end - begin, ...] that make up the width together
   */
  add(points: number, rows: (begin: number, end: number) => Tensor[]): void {
    const most = Math.max(1, Math.floor(this.device.limits.maxBinding / SHARE / (4 * this.width)));
    for (let begin = 0; begin < points; begin += most) {
      const end = Math.min(points, begin + most);
      this.replace(untracked(() => this.folded(concat(rows(begin, end), 1))));
      this.points += end - begin;
    }
  }

  /** r with at most as many rows as columns, its unit, and the means [1, width], owned by the innermost scope. */
  triangle(): { r: Tensor; triangular: boolean; unit: Tensor; mean: Tensor } {
    const { state } = this;
    if (!state) throw new Error('a triangle of no points');
    const { r, mean, shift, unit } = state;
    const full = r.shape[0] > this.width;
    return {
      r: full ? qrTriangle(r) : r,
      triangular: full || state.triangular,
      unit: alias(unit),
      mean: add(mean, shift),
    };
  }

  dispose(): void {
    this.replace(null);
  }

  private replace(next: State | null): void {
    const before = this.state;
    this.state = next;
    const kept = next ? tensorsOf(next) : [];
    for (const t of kept) keep(t);
    if (before) for (const t of tensorsOf(before)) if (!kept.includes(t)) t.dispose();
  }

  private folded(batch: Tensor): State {
    const { points, state, width } = this;
    const count = batch.shape[0];
    // A copy: a view would keep the whole batch alive.
    const shift = state?.shift ?? add(slice(batch, [0], [1]), 0);
    const unit = state?.unit ?? this.unitOf(batch, shift);
    const { centred, mean } = centredBeyond(batch, shift, unit);
    if (!state) return { ...reduced(centred, width), mean, shift, unit };
    const total = points + count;
    const step = sub(mean, state.mean);
    const between = mul(div(step, unit), Math.sqrt((points * count) / total));
    return {
      // Small batches pile up until a factorisation pays.
      ...reduced(concat([state.r, centred, between]), 3 * width),
      mean: add(state.mean, mul(step, count / total)),
      shift,
      unit,
    };
  }

  private unitOf(batch: Tensor, shift: Tensor): Tensor {
    const distance = apply('abs', apply('sub', input(0), input(1)));
    const columns = extremumOf('triangle', [batch, shift], distance, [0], true, 'max');
    let first = 0;
    return concat(
      this.sides.map((neurons) => {
        const side = slice(columns, [0, first], [1, (first += neurons)]);
        return expand(peakOf(side), [1, neurons]);
      }),
      1,
    );
  }
}

const tensorsOf = ({ r, mean, shift, unit }: State): Tensor[] => [r, mean, shift, unit];

/** The triangle of x, which is in units of its own greatest magnitude, where it has more rows than that, else x. */
const reduced = (x: Tensor, most: number): { r: Tensor; triangular: boolean } =>
  x.shape[0] > most ? { r: triangleInPlace(x), triangular: true } : { r: x, triangular: false };
