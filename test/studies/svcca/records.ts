import { createHash } from 'node:crypto';
import type { JsonObject, RunRecord, RunStatus } from '../../../src/store/record.js';
import type {
  ComparisonResult,
  LayerSimilarity,
  Method,
  NetworkResult,
  NetworkRunConfig,
} from '../../../src/studies/svcca/types.js';

export interface Synthetic {
  networks?: readonly { name: string; width: number; layers: readonly string[] }[];
  sparsities?: readonly number[];
  parents?: number;
  children?: number;
  methods?: readonly Method[];
  /** Names of runs as `convnet M1 0.9 0/0` (network, method, sparsity, parent / child) that diverged. */
  diverged?: readonly string[];
}

const hash = (config: JsonObject) => createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 16);

/** A number in [-1, 1] that depends on the text alone. */
const noise = (text: string) => createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 31 - 1;

const vgg = [...Array.from({ length: 6 }, (_, i) => `features.${3 * i + 2}`), 'classifier'];
const resnet = ['relu', ...[1, 2, 3].flatMap((l) => [`layer${l}.0`, `layer${l}.1`]), 'fc'];
export const NETWORKS = [
  { name: 'convnet', width: 1, layers: ['conv1', 'conv2', 'conv3', 'conv4', 'fc1', 'fc2'] },
  { name: 'resnet8', width: 0.5, layers: resnet },
  { name: 'vgg11_bn', width: 0.25, layers: vgg },
] as const;
const METHODS_RUN: readonly Method[] = [
  'P0',
  'M1',
  'M1-LT',
  'M2',
  'M2-rescaled',
  'M3-uniform',
  'M3-matched',
  'M3-shuffled',
];

const about = {
  started: '2026-01-02T03:04:05.000Z',
  seconds: 12.5,
  worker: 'w0',
  adapter: 'llvmpipe (LLVM 19)',
  driver: 'Mesa 25',
};
const DATA = { name: 'digits', train: 8000, test: 2000, seed: 1 };
const RECIPE = { epochs: 4, batch: 128, optimiser: 'sgd', learningRate: 0.05 };
const COMPARE = {
  kind: 'comparison',
  study: 'svcca',
  revision: 1,
  data: DATA,
  images: 500,
  rows: 20_000,
  seed: 7,
  threshold: 0.99,
} as const;

/** Records as a study of this shape leaves them, with made-up but plausible results. */
export function records(shape: Synthetic = {}): Map<string, RunRecord> {
  const { networks = NETWORKS, sparsities = [0.5, 0.9, 0.95], parents = 2, children = 2 } = shape;
  const all = new Map<string, RunRecord>();
  const add = (config: JsonObject, result: JsonObject, status: RunStatus = 'finished') => {
    const id = hash(config);
    all.set(id, { id, config, status, result: status === 'blocked' ? {} : result, about });
    return id;
  };
  for (const net of networks) {
    const network = { name: net.name, width: net.width };
    const run = (
      method: Method,
      seed: number,
      sparsity: number,
      parent: string | null,
      mask: string | null,
      name: string,
    ) => {
      const config: NetworkRunConfig = {
        kind: 'network',
        study: 'svcca',
        revision: 1,
        method,
        network,
        data: DATA,
        recipe: RECIPE,
        seed,
        sparsity,
        parent,
        mask,
        variant: null,
      };
      const blocked = mask !== null && all.get(mask)?.status !== 'finished';
      const bad = shape.diverged?.includes(name);
      return add(
        config,
        networkResult(config, net.layers, name, bad),
        blocked ? 'blocked' : bad ? 'diverged' : 'finished',
      );
    };
    const compare = (
      a: string,
      b: string,
      options: { stage?: string; pairs?: 'same' | 'all'; view?: 'positions' | 'pooled' } = {},
    ) => {
      const { stage = null, pairs = 'same', view = 'positions' } = options;
      const config = { ...COMPARE, a, b, stage, pairs, view };
      if (all.get(b)?.status !== 'finished') return void add(config, {}, 'blocked');
      add(config, comparisonResult(all.get(a)!, all.get(b)!, net.layers, config));
    };
    const dense = Array.from({ length: parents }, (_, p) => run('D', p, 0, null, null, `${net.name} D 0 ${p}`));
    dense.push(run('D', 100, 0, null, null, `${net.name} D 0 100`));
    dense.slice(0, parents).forEach((parent, p) => {
      compare(parent, parent);
      for (const other of dense) {
        if (other === parent) continue;
        compare(parent, other);
        compare(parent, other, { view: 'pooled' });
        if (p === 0) compare(parent, other, { pairs: 'all' });
      }
      for (const sparsity of sparsities)
        for (let c = 0; c < children; c++) {
          let mask: string | null = null;
          for (const method of shape.methods ?? METHODS_RUN) {
            if (method === 'P0' && c > 0) continue;
            const needsMask = method !== 'P0' && method !== 'M1' && method !== 'M3-uniform';
            const id = run(
              method,
              10 * p + c,
              sparsity,
              parent,
              needsMask ? mask : null,
              `${net.name} ${method} ${sparsity} ${p}/${c}`,
            );
            if (method === 'M1') mask = id;
            compare(parent, id);
            compare(parent, id, { view: 'pooled' });
            if (sparsity === 0.9 && p === 0 && c === 0 && ['M1', 'M2', 'M3-matched'].includes(method))
              compare(parent, id, { pairs: 'all' });
            if (method === 'M1') for (const stage of STAGES) compare(parent, id, { stage });
          }
        }
    });
    add(
      {
        kind: 'noise',
        study: 'svcca',
        revision: 1,
        network,
        data: DATA,
        view: 'positions',
        images: 500,
        rows: 20_000,
        seed: 7,
        threshold: 0.99,
      },
      {
        layers: net.layers.map((name, index) => ({
          name,
          index,
          points: 20_000,
          channels: 32,
          svcca: 0.034,
          pwcca: 0.035,
          cka: 0.0016,
          procrustes: 0.04,
        })),
      },
    );
  }
  return all;
}

const STAGES = ['round1-pruned', 'round1-tuned', 'round2-pruned', 'round2-tuned'];

const LOSS: Record<Method, number> = {
  D: 0,
  P0: 0.3,
  M1: 0.01,
  'M1-LT': 0.02,
  M2: 0.03,
  'M2-rescaled': 0.028,
  'M3-uniform': 0.045,
  'M3-matched': 0.035,
  'M3-shuffled': 0.033,
};

function networkResult(
  config: NetworkRunConfig,
  layers: readonly string[],
  name: string,
  diverged?: boolean,
): NetworkResult {
  const { sparsity, method } = config;
  const accuracy = 0.93 - LOSS[method] * (sparsity ** 4 * 2 + 0.1) + 0.004 * noise(name);
  const kept = Math.round(100_000 * (1 - sparsity));
  return {
    accuracy: diverged ? 0.1 : accuracy,
    top5: 0.99,
    loss: 0.3,
    correct: Math.round(2000 * accuracy),
    count: 2000,
    recalibrated: method === 'P0' ? { accuracy: accuracy + 0.1 * sparsity, loss: 0.5 } : null,
    kept,
    total: 100_000,
    layers: layers.map((l) => ({
      name: `${l}.weight`,
      kept: Math.round(kept / layers.length),
      total: Math.round(100_000 / layers.length),
    })),
    compression: 1 / (1 - sparsity + 0.01),
    speedup: 1 / (1 - 0.9 * sparsity),
    macs: 5e6,
    macsKept: 5e6 * (1 - 0.9 * sparsity),
    bytesDense: 400_000,
    bytesCompact: 4 * kept,
    history: [1, 2, 3].map((epoch) => ({ round: 1, epoch, loss: 1 / epoch, learningRate: 0.01, accuracy: null })),
    stages:
      method === 'M1'
        ? STAGES.map((stage) => {
            const [, round, rest] = /round(\d)-(.*)/.exec(stage)!;
            const epoch = rest === 'pruned' ? 0 : 3;
            const at = 1 - (1 - sparsity) ** (Number(round) / 2);
            return {
              stage,
              round: Number(round),
              sparsity: at,
              epoch,
              accuracy: accuracy - (epoch === 0 ? 0.1 * at : 0.01 / epoch),
            };
          })
        : [],
    divergedAt: diverged ? 42 : null,
  };
}

/** High in the first layer, low in the middle, higher again at the end. */
const floorAt = (index: number, layers: number) => 0.45 + 0.4 * (2 * (index / (layers - 1)) - 1.1) ** 2;

function comparisonResult(
  a: RunRecord,
  b: RunRecord,
  layers: readonly string[],
  config: { stage: string | null; pairs: string; view: string },
): ComparisonResult {
  const { method, sparsity } = b.config as NetworkRunConfig;
  const at = (name: string, index: number, other: string, j: number): LayerSimilarity => {
    const floor = Math.min(0.95, floorAt((index + j) / 2, layers.length)) * 0.85 ** Math.abs(index - j);
    const stage = config.stage ? 0.4 + 0.2 * STAGES.indexOf(config.stage) : 1;
    const far =
      { D: 1, P0: 0.5 * sparsity ** 3, M1: (0.35 + 0.45 * sparsity) * stage, 'M1-LT': 0.85 }[method as string] ?? 1;
    const wobble = a.id === b.id ? 0 : 0.012 * noise(`${a.id}${b.id}${index}${j}${config.view}`) * far;
    const same = a.id === b.id ? 1 : Math.min(1, 1 - far * (1 - floor) + wobble);
    const full = config.pairs === 'same';
    return {
      a: name,
      b: other,
      index,
      type: index === layers.length - 1 ? 'logits' : index === 0 ? 'conv' : 'block',
      points: 20_000,
      channelsA: 32,
      channelsB: 32,
      deadA: 0,
      deadB: sparsity > 0.9 ? 2 : 0,
      directionsA: 20 - index,
      directionsB: Math.max(3, Math.round((20 - index) * (1 - 0.3 * sparsity))),
      svcca: same,
      svccaFixed: full ? same : null,
      pwcca: full ? same ** 0.9 : null,
      cka: same ** 0.7,
      procrustes: full ? same ** 1.1 : null,
      svccaAlive: full && sparsity > 0.9 ? same * 0.99 : null,
      flags: [],
    };
  };
  const out =
    config.pairs === 'same'
      ? layers.map((l, i) => at(l, i, l, i))
      : layers.flatMap((l, i) => layers.map((m, j) => at(l, i, m, j)));
  return { layers: out };
}
