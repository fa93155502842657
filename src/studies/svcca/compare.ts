import { Model } from '../../nn/model.js';
import { loadWeights } from '../../nn/weights.js';
import { canonicalJson } from '../../store/canonical.js';
import type { JsonObject } from '../../store/record.js';
import { type RunContext, StoppedError } from '../study.js';
import { captureLayers, type LayerActivations, type Sampling } from './activations.js';
import type { DataConfig } from './config.js';
import { studyData } from './data.js';
import { measureLoosely, measurePair, precisionFor } from './measure.js';
import { type ComparedLayer, comparedLayers, type StudyNetwork, studyNetwork } from './networks.js';
import type { ComparisonResult, ComparisonRunConfig, LayerSimilarity, NetworkRunConfig } from './types.js';

/** Host memory for activations of dense networks, which every one of their children is compared with. */
const MOST_BYTES = 2 ** 30;

/** Activations of the dense networks used last. */
class DenseActivations {
  private readonly kept = new Map<string, LayerActivations>();

  async get(key: string, make: () => Promise<LayerActivations>): Promise<LayerActivations> {
    const found = this.kept.get(key) ?? (await make());
    this.kept.delete(key);
    this.kept.set(key, found);
    for (const old of this.kept.keys()) {
      if (this.bytes <= MOST_BYTES || old === key) break;
      this.kept.delete(old);
    }
    return found;
  }

  private get bytes(): number {
    return [...this.kept.values()].flat().reduce((sum, { data }) => sum + data.byteLength, 0);
  }

  dispose(): void {
    this.kept.clear();
  }
}

/**
 * Compares two networks layer by layer, on the first test images, as they come out of the data set, in evaluation mode.
 * P0 is compared as it was pruned, with the dense network's batch-normalisation statistics.
 */
export async function compareNetworks(config: ComparisonRunConfig, context: RunContext): Promise<ComparisonResult> {
  const study = studyNetwork((context.need(config.a).config as NetworkRunConfig).network, config.data as DataConfig);
  const layers = comparedLayers(study);
  const dense = await context.shared('svcca dense activations', async () => new DenseActivations());
  const capture = (id: string, stage: string | null) => capturedLayers({ study, layers, id, stage }, config, context);
  const x = await dense.get(canonicalJson({ ...samplingOf(config), id: config.a, data: config.data }), () =>
    capture(config.a, null),
  );
  context.progress(0.3);
  const y = await capture(config.b, config.stage);
  const pairs = layers.flatMap((_, i) => (config.pairs === 'same' ? [[i, i]] : layers.map((_, j) => [i, j])));
  const found: LayerSimilarity[] = [];
  for (const [i, j] of pairs) {
    if (context.signal.aborted) throw new StoppedError();
    found.push(await compareLayers(config, context, [layers[i], x[i]], [layers[j], y[j]], i));
    context.progress(0.4 + (0.6 * found.length) / pairs.length);
  }
  return { layers: found };
}

const samplingOf = ({ view, images, rows, seed }: ComparisonRunConfig): Sampling => ({ view, images, rows, seed });

interface Captured {
  readonly study: StudyNetwork;
  readonly layers: readonly ComparedLayer[];
  readonly id: string;
  readonly stage: string | null;
}

/** What the layers of a network of another run give, with its final weights or those of a stage. */
async function capturedLayers(
  { study, layers, id, stage }: Captured,
  config: ComparisonRunConfig,
  context: RunContext,
): Promise<LayerActivations> {
  const data = await studyData(context, config.data as DataConfig);
  const file = `${stage ?? 'weights'}.safetensors`;
  const model = new Model(context.device, study.network);
  try {
    loadWeights(model, await context.files(id).read(file), { name: `${id}/${file}` });
    return await captureLayers(model, layers, data.inputs, samplingOf(config));
  } finally {
    model.dispose();
  }
}

type Side = readonly [layer: ComparedLayer, activations: LayerActivations[number]];

async function compareLayers(
  config: ComparisonRunConfig,
  { device }: RunContext,
  [layerA, x]: Side,
  [layerB, y]: Side,
  index: number,
): Promise<LayerSimilarity> {
  const measure = config.pairs === 'same' ? measurePair : measureLoosely;
  const measures = await measure(x, y, config.threshold, precisionFor(device));
  return {
    a: layerA.name,
    b: layerB.name,
    index,
    type: layerA.type,
    channelsA: x.shape[1],
    channelsB: y.shape[1],
    ...measures,
  } satisfies JsonObject;
}
