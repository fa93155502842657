import { grad } from '../autograd/grad.js';
import type { Device } from '../gpu/device.js';
import type { TunedSparse } from '../gpu/tuned-table.js';
import { sum } from '../ops/reductions.js';
import { explain } from '../sparse/auto.js';
import { maskedConv2d, maskedLinear } from '../sparse/masked-layers.js';
import { median } from '../sparse/median.js';
import { type SparseWeight, type SparseWeightOptions, sparseWeight } from '../sparse/sparse-weight.js';
import { philoxUniform } from '../tensor/philox.js';
import { keep } from '../tensor/scope.js';
import { type Shape, sizeOf } from '../tensor/shape.js';
import { type Tensor, tensor } from '../tensor/tensor.js';

/** Time of one call in microseconds. */
export type CallTime = (run: () => Tensor[]) => Promise<number>;

interface Layer {
  op: 'linear' | 'conv2d';
  x: Shape;
  w: Shape;
}

/** Layers large enough that launches do not count, on each side of common sizes. */
function layersFor(device: Device, quick: boolean): Layer[] {
  const wide = device.deviceClass === 'software' ? 1 : 4;
  const linear = (rows: number, inputs: number, outputs: number): Layer => ({
    op: 'linear',
    x: [wide * rows, inputs],
    w: [outputs, inputs],
  });
  const conv = (images: number, size: number, channels: number): Layer => ({
    op: 'conv2d',
    x: [wide * images, size, size, channels],
    w: [channels, 3, 3, channels],
  });
  const all = [linear(256, 512, 512), conv(8, 16, 64), linear(256, 1024, 1024), conv(8, 16, 128), conv(8, 8, 256)];
  return quick ? all.slice(0, 2) : all;
}

interface Trial {
  key: string;
  /** Edge of the blocks that the mask is made of. */
  edge: number;
  density: number;
  options: SparseWeightOptions;
}

const BLOCKS = [4, 8, 16, 32] as const;
const DENSITIES = [0.2, 0.05];

/** Forms of a layer to measure; N:M is for linear layers. */
function trialsFor(layer: Layer): Trial[] {
  const trials = DENSITIES.flatMap((density): Trial[] => [
    { key: `${layer.op} csr`, edge: 1, density, options: { kind: 'csr' } },
    ...BLOCKS.map((block) => ({
      ...{ key: `${layer.op} block${block}`, edge: block, density },
      options: { kind: 'block' as const, block },
    })),
  ]);
  if (layer.op === 'conv2d') return trials;
  return [...trials, { key: 'linear nm', edge: 1, density: 0.5, options: { kind: 'nm', nm: [2, 4] } }];
}

/**
 * How far the estimates of a device's class are off on this device, for each sparse form: the median, over a few layers
 * and densities, of the measured time of a training step's three passes, relative to the masked-dense form, divided by
 * the estimated one.
 */
export async function tuneSparse(
  device: Device,
  time: CallTime,
  rounds: number,
  quick: boolean,
): Promise<TunedSparse[]> {
  const found = new Map<string, TunedSparse>();
  for (const layer of layersFor(device, quick)) {
    for (const trial of trialsFor(layer)) {
      const { key } = trial;
      const entry = found.get(key) ?? { key, factor: 1, measurements: [] };
      entry.measurements.push(await measure(device, layer, trial, time, rounds));
      found.set(key, entry);
    }
  }
  for (const entry of found.values()) entry.factor = median(entry.measurements.map((m) => m.measured / m.estimated));
  return [...found.values()];
}

async function measure(device: Device, layer: Layer, trial: Trial, time: CallTime, rounds: number) {
  const leaf = (shape: Shape, stream: number) => {
    const values = philoxUniform(1, stream, 0, sizeOf(shape));
    const made = keep(tensor(device, values, { shape }));
    made.requiresGrad = true;
    return made;
  };
  const [x, w] = [leaf(layer.x, 1), leaf(layer.w, 2)];
  const mask = keep(tensor(device, flags(layer.w, trial), { shape: layer.w, dtype: 'bool' }));
  const made: SparseWeight[] = [];
  try {
    for (const options of [trial.options, { kind: 'dense' } as const]) made.push(await sparseWeight(mask, options));
    const run = (sparse: SparseWeight) => () => {
      const y = layer.op === 'linear' ? maskedLinear(x, w, sparse) : maskedConv2d(x, w, sparse, { padding: 1 });
      return grad(sum(y), [x, w]);
    };
    const n = sizeOf(layer.x.slice(0, -1));
    const work = { op: layer.op, n, dx: true, dw: true };
    const kind = trial.options.kind;
    const estimated = explain(made[0], work).candidates.find((c) => c.kind === kind)!.time;
    const times: number[][] = [[], []];
    // The first round compiles.
    for (let round = 0; round <= rounds; round++) {
      for (const [i, sparse] of made.entries()) {
        const us = await time(run(sparse));
        if (round > 0) times[i].push(us);
      }
    }
    const on = `[${layer.x.join(', ')}] x [${layer.w.join(', ')}], density ${trial.density}`;
    return { on, estimated, measured: median(times[0]) / median(times[1]) };
  } finally {
    for (const thing of [x, w, mask, ...made]) thing.dispose();
  }
}

/** A mask of whole blocks, or of the first two of every four. */
function flags(shape: Shape, { edge, density, options }: Trial): Uint8Array {
  const rows = shape[0];
  const cols = sizeOf(shape) / rows;
  if (options.kind === 'nm') return Uint8Array.from({ length: rows * cols }, (_, i) => (i % 4 < 2 ? 1 : 0));
  const wide = cols / edge;
  const kept = philoxUniform(1, 3, 0, (rows / edge) * wide).map((u) => (u < density ? 1 : 0));
  return Uint8Array.from({ length: rows * cols }, (_, i) => {
    const [row, col] = [Math.floor(i / cols), i % cols];
    return kept[Math.floor(row / edge) * wide + Math.floor(col / edge)];
  });
}
