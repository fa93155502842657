import { SecateurError } from '../../gpu/errors.js';
import type { Model } from '../../nn/model.js';
import {
  decodeMasks,
  encodeMasks,
  layerMatchedMask,
  maskByMagnitude,
  maskFromHost,
  type PruneResult,
  planSparsity,
  randomMask,
  readMasks,
  shuffledMask,
} from '../../prune/index.js';
import type { LayerDensity } from '../../prune/mask-by-scores.js';
import { pickNames } from '../../prune/names.js';
import { randomScores } from '../../prune/scores.js';
import type { HostMask } from '../../sparse/mask-file.js';
import { sizeOf } from '../../tensor/shape.js';
import type { RunContext } from '../study.js';
import type { Pruning } from './config.js';
import type { Method, NetworkRunConfig } from './types.js';

export const MASKS = 'masks.safetensors';

/** Random stream of the positions of M3-matched, apart from those of uniform and shuffled masks. */
const MATCHED_STREAM = 0x6d617463;

/** A mask that removes none of the weights that patterns pick. */
export function fullMask({ parameters }: Model, weights: readonly string[] = ['*']): PruneResult {
  const names = new Set(pickNames('svcca', parameters, weights));
  const whole = parameters.specs.filter(({ name }) => names.has(name));
  const masks = new Map<string, HostMask>();
  for (const { name, shape } of whole)
    masks.set(name, { shape: [...shape], values: new Uint8Array(sizeOf(shape)).fill(1) });
  return maskFromHost(parameters, masks);
}

/** Removes the smallest weights, among those that an older mask left. */
export function magnitude(
  { parameters }: Model,
  sparsity: number,
  { scope, weights }: Pruning,
  within?: PruneResult,
): Promise<PruneResult> {
  return maskByMagnitude(parameters, planSparsity(parameters, sparsity, { scope, weights }), { within });
}

/** The mask that another run left. */
export async function storedMask({ parameters }: Model, context: RunContext, id: string): Promise<PruneResult> {
  return maskFromHost(parameters, decodeMasks(await context.files(id).read(MASKS), { name: `${id}/${MASKS}` }));
}

/** The mask of a network that is trained from its first weights under one. */
export async function sparseMask(
  model: Model,
  config: NetworkRunConfig,
  context: RunContext,
  seed: number,
): Promise<PruneResult> {
  const { parameters } = model;
  const method = config.method as Exclude<Method, 'D' | 'P0' | 'M1'>;
  if (method === 'M3-uniform') {
    const { weights } = config.recipe.pruning as Pruning;
    return randomMask(parameters, planSparsity(parameters, config.sparsity, { scope: 'layer', weights }), seed);
  }
  const m1 = await storedMask(model, context, config.mask!);
  if (method === 'M1-LT' || method === 'M2' || method === 'M2-rescaled') return m1;
  try {
    if (method === 'M3-shuffled') return await shuffledMask(parameters, m1, seed);
    const scores = randomScores(parameters, seed, MATCHED_STREAM);
    try {
      return await layerMatchedMask(parameters, m1, scores);
    } finally {
      scores.dispose();
    }
  } finally {
    m1.mask.dispose();
  }
}

/** A mask read back, and counted. */
export interface FinalMask {
  readonly bytes: Uint8Array;
  readonly layers: readonly LayerDensity[];
  readonly kept: number;
  readonly total: number;
}

/**
 * Reads a mask back at the end of a run and holds it and the weights to what was promised: as many weights kept as
 * planned, and exact zeros elsewhere.
 *
 * @throws SecateurError where a count or a weight differs, which is a mistake of the program
 */
export async function checkedMask({ parameters }: Model, pruned: PruneResult): Promise<FinalMask> {
  const [masks, weights] = [await readMasks(parameters, pruned), await parameters.read()];
  const layers = pruned.layers.map(({ name, kept, total }) => {
    const { values } = masks.get(name)!;
    const found = values.reduce((a, b) => a + b, 0);
    if (found !== kept || values.length !== total)
      throw new SecateurError('mask', `${name}: expected ${kept} of ${total} weights kept, got ${found}`);
    const alive = weights.get(name)!.findIndex((w, i) => values[i] === 0 && w !== 0);
    if (alive >= 0) throw new SecateurError('mask', `${name}: expected 0 where the mask removes, got weight ${alive}`);
    return { name, kept, total };
  });
  const sum = (key: 'kept' | 'total') => layers.reduce((n, layer) => n + layer[key], 0);
  return { bytes: encodeMasks(masks, { packing: 'bits' }), layers, kept: sum('kept'), total: sum('total') };
}
