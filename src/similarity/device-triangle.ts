import type { Device } from '../gpu/device.js';
import { qrTriangle } from '../linalg/qr.js';
import { concat } from '../ops/concat.js';
import { add, mul, sub } from '../ops/pointwise.js';
import { slice } from '../ops/slice.js';
import { keep } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { centredBeyond, untracked } from './device-centred.js';

interface State {
  /** [rows, width], more than `width` rows only between small batches. */
  r: Tensor;
  triangular: boolean;
  /** Mean of what lies beyond the shift, and the shift, which is the first point: [1, width]. */
  mean: Tensor;
  shift: Tensor;
}

/** As much of the largest binding as one batch may take: factoring it needs several tensors of its size. */
const SHARE = 4;

/** `HostTriangle` in float32 on a device: the same algebra by blocked QR. Nothing is read back. */
export class DeviceTriangle {
  points = 0;
  private state: State | null = null;

  constructor(
    readonly device: Device,
    readonly width: number,
  ) {}

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

  /** r with at most as many rows as columns and the means [1, width], owned by the innermost scope. */
  triangle(): { r: Tensor; triangular: boolean; mean: Tensor } {
    const { state } = this;
    if (!state) throw new Error('a triangle of no points');
    const { r, mean, shift } = state;
    const full = r.shape[0] > this.width;
    return { r: full ? qrTriangle(r) : r, triangular: full || state.triangular, mean: add(mean, shift) };
  }

  dispose(): void {
    this.replace(null);
  }

  private replace(next: State | null): void {
    const before = this.state;
    this.state = next;
    if (next) for (const t of [next.r, next.mean, next.shift]) keep(t);
    if (before) for (const t of [before.r, before.mean, before.shift]) if (t !== next?.shift) t.dispose();
  }

  private folded(batch: Tensor): State {
    const { points, state, width } = this;
    const count = batch.shape[0];
    // A copy: a view would keep the whole batch alive.
    const shift = state?.shift ?? add(slice(batch, [0], [1]), 0);
    const { centred, mean } = centredBeyond(batch, shift);
    if (!state) return { ...reduced(centred, width), mean, shift };
    const total = points + count;
    const step = sub(mean, state.mean);
    const between = mul(step, Math.sqrt((points * count) / total));
    return {
      // Small batches pile up until a factorisation pays.
      ...reduced(concat([state.r, centred, between]), 3 * width),
      mean: add(state.mean, mul(step, count / total)),
      shift,
    };
  }
}

/** The triangle of x where it has more rows than that, else x. */
const reduced = (x: Tensor, most: number): { r: Tensor; triangular: boolean } =>
  x.shape[0] > most ? { r: qrTriangle(x), triangular: true } : { r: x, triangular: false };
