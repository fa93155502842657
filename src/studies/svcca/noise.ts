import { philoxNormal } from '../../tensor/philox.js';
import type { RunContext } from '../study.js';
import type { DataConfig } from './config.js';
import { measurePair, precisionFor } from './measure.js';
import { channelsOf, comparedLayers, pointsOf, studyNetwork } from './networks.js';
import type { NoiseResult, NoiseRunConfig } from './types.js';

/** Random stream of the first side; the second one has the next. */
const STREAM = 0x6e6f6973;

/** What the measures say of independent normal numbers in the shapes of a network's layers. */
export async function measureNoise(config: NoiseRunConfig, context: RunContext): Promise<NoiseResult> {
  const { view, images, rows, seed, threshold } = config;
  const layers = comparedLayers(studyNetwork(config.network, config.data as DataConfig));
  const found: NoiseResult['layers'][number][] = [];
  for (const [index, layer] of layers.entries()) {
    const [points, channels] = [pointsOf(layer, view, images, rows), channelsOf(layer)];
    const side = (stream: number) => ({
      data: philoxNormal(seed, STREAM + stream, index, points * channels),
      shape: [points, channels],
    });
    const m = await measurePair(side(0), side(1), threshold, precisionFor(context.device));
    const { svcca, pwcca, cka, procrustes } = m;
    found.push({ name: layer.name, index, points, channels, svcca, pwcca: pwcca!, cka, procrustes: procrustes! });
    context.progress((index + 1) / layers.length);
  }
  return { layers: found };
}
