import { noGrad } from '../../autograd/node.js';
import type { Device } from '../../gpu/device.js';
import type { Model } from '../../nn/model.js';
import { gather } from '../../ops/gather.js';
import { mean } from '../../ops/reductions.js';
import { reshape } from '../../ops/reshape.js';
import type { HostActivations } from '../../similarity/activations.js';
import { philoxPermutation } from '../../tensor/philox.js';
import { keep, scope } from '../../tensor/scope.js';
import { type Tensor, tensor } from '../../tensor/tensor.js';
import { rows as rowsOf } from '../../train/rows.js';
import type { View } from './config.js';
import { type ComparedLayer, channelsOf } from './networks.js';

/** Which data points of which images are taken. */
export interface Sampling {
  readonly view: View;
  readonly images: number;
  readonly rows: number;
  readonly seed: number;
}

/** What the layers of one network gave: [points, channels] each, in the layers' order. */
export type LayerActivations = readonly HostActivations[];

/** Images that run at a time: their results of all layers lie on the device together. */
const BATCH = 250;

/**
 * What the layers give for the first images, in evaluation mode, on the host. Points are drawn by one permutation for all
 * layers of one size and all networks, so that row i of two networks is the same place of the same image.
 *
 * @param inputs [at least `images`, h, w, channels]
 */
export async function captureLayers(
  model: Model,
  layers: readonly ComparedLayer[],
  inputs: Tensor,
  sampling: Sampling,
): Promise<LayerActivations> {
  const { images } = sampling;
  const samples = samplesOf(layers, sampling);
  const found = layers.map((layer, i) => {
    const points = samples[i]?.length ?? images * positionsOf(layer, sampling.view);
    const channels = channelsOf(layer);
    return { data: new Float32Array(points * channels), shape: [points, channels], filled: 0 };
  });
  for (let from = 0; from < images; from += BATCH) {
    const to = Math.min(images, from + BATCH);
    const parts = captureBatch(model, layers, inputs, { from, to, view: sampling.view, samples });
    for (const [i, part] of parts.entries()) {
      if (!part) continue;
      const values = (await part.data()) as Float32Array;
      found[i].data.set(values, found[i].filled);
      found[i].filled += values.length;
      part.dispose();
    }
  }
  return found.map(({ data, shape }) => ({ data, shape }));
}

const positionsOf = ({ output }: ComparedLayer, view: View): number =>
  view === 'pooled' || output.length === 1 ? 1 : output[0] * output[1];

/** Places of each layer's points among those of all images, ascending; null where all are taken. */
function samplesOf(layers: readonly ComparedLayer[], { view, images, rows, seed }: Sampling): (Int32Array | null)[] {
  const drawn = new Map<number, Int32Array>();
  return layers.map((layer) => {
    const positions = positionsOf(layer, view);
    const total = images * positions;
    if (positions === 1 || total <= rows) return null;
    if (!drawn.has(total))
      drawn.set(total, Int32Array.from(philoxPermutation(seed, 0, 0, total).subarray(0, rows)).sort());
    return drawn.get(total)!;
  });
}

interface ImageRange {
  readonly from: number;
  readonly to: number;
  readonly view: View;
  readonly samples: readonly (Int32Array | null)[];
}

/** Points of one batch, a tensor [points, channels] a layer; null where none was drawn of it. */
function captureBatch(
  model: Model,
  layers: readonly ComparedLayer[],
  inputs: Tensor,
  { from, to, view, samples }: ImageRange,
): (Tensor | null)[] {
  const parts = scope(() =>
    noGrad(() => {
      const paths = layers.map((layer) => layer.path);
      const { activations } = model.capture(rowsOf(inputs, from, to), paths);
      return layers.map((layer, i) => {
        const y = activations.get(layer.path)!;
        if (y.rank === 2) return y;
        if (view === 'pooled') return mean(y, [1, 2]);
        const points = reshape(y, [y.size / channelsOf(layer), channelsOf(layer)]);
        const sample = samples[i];
        if (!sample) return points;
        const positions = positionsOf(layer, view);
        const own = sample.filter((place) => place >= from * positions && place < to * positions);
        return own.length === 0 ? null : gather(points, placesOn(model.device, own, from * positions), 0);
      });
    }),
  );
  for (const part of parts) if (part) keep(part);
  return parts;
}

const placesOn = (device: Device, places: Int32Array, first: number): Tensor =>
  tensor(
    device,
    places.map((place) => place - first),
  );
