import { ringShader } from '../../shaders/ring.js';
import { constant } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { generate } from '../ops/map.js';
import { keep } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';

const kernel = defineKernel<{ workgroup: number }>({ name: 'ring', shader: ringShader });

/**
 * The losses of the last steps, on the device. A readback fetches many at once, and is awaited only when the next one
 * begins, so that the device has work meanwhile.
 */
export class LossRing {
  private readonly values: Tensor;
  private readonly at: Tensor;
  /** Steps that ended, and how many of them a readback has been started for. */
  private written = 0;
  private fetched = 0;
  private pending: Promise<number[]> | null = null;

  constructor(
    device: Device,
    private readonly slots: number,
    /** Losses a step: 1, or one for each of so many models. */
    private readonly width = 1,
  ) {
    this.values = keep(generate('LossRing', device, [slots * width], constant(0), [], 'f32'));
    this.at = keep(generate('LossRing', device, [1], constant(0, 'u32'), [], 'u32'));
  }

  /** Takes up a loss; inside the compiled step. */
  push(loss: Tensor): void {
    const { width } = this;
    if (loss.size !== width || loss.dtype !== 'f32')
      throw new ShapeError('train', `a loss of ${width === 1 ? 'one' : width} f32`, showShape(loss.shape));
    loss.device.run(
      kernel,
      { workgroup: width === 1 ? 1 : 64 },
      {
        bindings: [loss, this.at, this.values].map((t) => t.binding('train')),
        params: [this.slots, width],
        grid: [1, 1, 1],
        cost: { flops: 0, bytes: 8 + 8 * width },
      },
    );
  }

  /** Counts a step that has been submitted. @returns whether the next one would overwrite a loss that nobody fetched */
  advance(): boolean {
    this.written++;
    return this.written - this.fetched === this.slots;
  }

  /** Starts to fetch what is new. @returns the losses of the fetch before, and with `all` of this one too, step by step */
  async collect(all: boolean): Promise<number[]> {
    const before = this.pending;
    this.pending = this.written > this.fetched ? this.fetch() : null;
    const losses = before ? await before : [];
    if (!all || !this.pending) return losses;
    const last = await this.pending;
    this.pending = null;
    return [...losses, ...last];
  }

  /** Waits for what is under way, and gives the memory back. */
  async dispose(): Promise<void> {
    await this.pending?.catch(() => {});
    this.values.dispose();
    this.at.dispose();
  }

  private fetch(): Promise<number[]> {
    const { fetched, written, slots, width } = this;
    this.fetched = written;
    const losses = this.values
      .data()
      .then((ring) =>
        Array.from({ length: (written - fetched) * width }, (_, i) => ring[(fetched * width + i) % (slots * width)]),
      );
    // It is awaited later, or never where the run ends by another error.
    losses.catch(() => {});
    return losses;
  }
}
