import { ArgumentError } from '../../gpu/errors.js';
import type { JsonObject, RunSpec } from '../../store/record.js';
import { runId } from '../../store/run-id.js';
import type { FineTune, NetworkConfig, SvccaConfig, Training, View } from './config.js';
import { dataShape } from './data.js';
import {
  type ComparedLayer,
  channelsOf,
  comparedLayers,
  networkMacs,
  pointsOf,
  prunableWeights,
  studyNetwork,
} from './networks.js';
import type { ComparisonRunConfig, Method, NetworkRunConfig, NoiseRunConfig } from './types.js';

export const STUDY = 'svcca';
/** Raised whenever the same configuration would give other results. */
export const REVISION = 1;

/** Name of the variant of M1 after whose training nothing may have changed. */
export const TINY_RATE = 'tiny learning rate';

/** A run of this study, with what it is called and how much work it is. */
export interface SvccaRun extends RunSpec {
  readonly label: string;
  /** About the multiply-adds of its training and evaluation, in millions. */
  readonly weight: number;
}

/** Methods that take M1's mask or densities. */
const FROM_M1: readonly Method[] = ['M1-LT', 'M2', 'M2-rescaled', 'M3-matched', 'M3-shuffled'];
/** Methods of which the layers are compared with all of the dense network's. */
const HEAT_MAPS: readonly Method[] = ['M1', 'M2', 'M3-uniform'];
/** Fewer data points for each channel than this, and canonical correlations say nothing. */
const LEAST_POINTS = 2;

/**
 * All runs of a configuration. Networks come one after the other: dense ones first, and every comparison right behind
 * the network that it is about, so that a study that is half done has answers already.
 *
 * @throws ArgumentError for networks that the images do not fit, patterns that no weight has, sparsities that keep
 * nothing, comparisons with too few data points, and methods without the one that they build on
 */
export function expandSvcca(config: SvccaConfig): SvccaRun[] {
  const needing = config.methods.find((method) => FROM_M1.includes(method));
  if (needing && !config.methods.includes('M1'))
    throw new ArgumentError(STUDY, `M1 among the methods, whose masks ${needing} takes`, config.methods.join(', '));
  return config.networks.flatMap((network) => new NetworkPlan(config, network).runs());
}

/** A run of a dense network: its id and what people call it. */
interface Dense {
  readonly id: string;
  readonly seed: number;
}

/** Where a child stands among those of its network. */
interface Place {
  readonly parent: Dense;
  readonly sparsity: number;
  readonly child: number;
  /** Whether it is looked at closely: by heat maps and trajectories. */
  readonly detailed: boolean;
}

/** The runs of one network. */
class NetworkPlan {
  private readonly planned = new Map<string, SvccaRun>();
  private readonly title: string;
  private readonly training: Training;
  private readonly fineTune: FineTune;
  private readonly shape: { name: string; width: number };
  private readonly macs: number;
  private readonly trainingImages: number;
  private readonly comparing: number;

  constructor(
    private readonly config: SvccaConfig,
    network: NetworkConfig,
  ) {
    const { data, comparison } = config;
    const built = studyNetwork(network, data);
    this.shape = { name: network.name, width: network.width };
    this.title = network.width === 1 ? network.name : `${network.name} x${network.width}`;
    this.training = { ...config.training, ...network.training };
    this.fineTune = { ...config.fineTune, ...network.fineTune };
    this.macs = [...networkMacs(built).values()].reduce((a, b) => a + b, 0) / 1e6;
    this.trainingImages = dataShape(data).train ?? 50_000;
    assertNumbers(config, this.training);
    assertKept(config, prunableWeights(built, config.pruning.weights), this.title);
    const layers = comparedLayers(built);
    for (const view of this.views()) assertPoints(config, layers, view, this.title);
    this.comparing = layers.reduce((sum, layer) => {
      const channels = channelsOf(layer);
      return sum + 4 * pointsOf(layer, 'positions', comparison.images, comparison.rows) * channels * channels;
    }, 0);
  }

  private views(): View[] {
    const { views, heatMaps, detailSparsity } = this.config.comparison;
    return [...new Set<View>([...views, ...(heatMaps && detailSparsity !== null ? (['pooled'] as const) : [])])];
  }

  runs(): SvccaRun[] {
    const { seeds, comparison, sparsities } = this.config;
    const parents = seeds.parents.map((seed) => this.dense(seed));
    const [first] = parents;
    for (const view of comparison.views) {
      this.compare(first, first.id, this.denseLabel(first), { view });
      if (comparison.noise) this.noise(view);
    }
    this.floors(parents);
    for (const parent of parents) {
      for (const sparsity of sparsities)
        for (let child = 0; child < seeds.children; child++) {
          const detailed = sparsity === comparison.detailSparsity && parent === first && child === 0;
          this.children({ parent, sparsity, child, detailed });
        }
      if (parent === first) this.tinyRate(first);
    }
    return [...this.planned.values()];
  }

  /** Every dense network with every later one; where there is but one, a network of the next seed serves as its floor. */
  private floors(parents: readonly Dense[]): void {
    const { comparison } = this.config;
    const all = parents.length > 1 ? parents : [...parents, this.dense(parents[0].seed + 1)];
    all.forEach((a, i) => {
      for (const b of all.slice(i + 1)) {
        for (const view of comparison.views) this.compare(a, b.id, this.denseLabel(b), { view });
        if (comparison.heatMaps && comparison.detailSparsity !== null && a === all[0] && b === all[1])
          this.compare(a, b.id, this.denseLabel(b), { view: 'pooled', pairs: 'all' });
      }
    });
  }

  private children(place: Place): void {
    const { methods } = this.config;
    const m1 = methods.includes('M1') ? this.m1(place) : null;
    for (const method of methods) {
      if (method === 'M1') continue;
      // Pruning alone draws no random numbers.
      if (method === 'P0' && place.child > 0) continue;
      const mask = FROM_M1.includes(method) ? m1 : null;
      const id = this.child(place, method, mask, this.recipeOf(method));
      this.comparisons(place, id, method);
    }
  }

  private m1(place: Place): string {
    const id = this.child(place, 'M1', null, { ...this.m1Recipe(this.fineTune) });
    this.comparisons(place, id, 'M1');
    if (place.detailed && this.config.comparison.trajectories)
      for (const stage of stageNames(this.fineTune).slice(0, -1))
        for (const view of this.config.comparison.views)
          this.compare(place.parent, id, this.childLabel(place, 'M1'), { view, stage });
    return id;
  }

  private comparisons(place: Place, id: string, method: Method): void {
    const { views, heatMaps } = this.config.comparison;
    const label = this.childLabel(place, method);
    for (const view of views) this.compare(place.parent, id, label, { view });
    if (place.detailed && heatMaps && HEAT_MAPS.includes(method))
      this.compare(place.parent, id, label, { view: 'pooled', pairs: 'all' });
  }

  private tinyRate(parent: Dense): void {
    const { tinyLearningRate: lr, sparsities, methods, comparison } = this.config;
    if (lr === null || !methods.includes('M1')) return;
    const place = { parent, sparsity: Math.min(...sparsities), child: 0, detailed: false };
    const recipe = this.m1Recipe({ ...this.fineTune, lr });
    const id = this.child(place, 'M1', null, recipe, TINY_RATE);
    for (const view of comparison.views)
      this.compare(parent, id, `${this.childLabel(place, 'M1')}, ${TINY_RATE}`, { view });
  }

  private dense(seed: number): Dense {
    const config = this.networkRun({ method: 'D', seed, sparsity: 0, recipe: { training: this.training } });
    const label = `${this.title} seed ${seed}, dense`;
    return { seed, id: this.add(config, [], label, this.epochsWork(this.training.epochs)) };
  }

  private child(
    place: Place,
    method: Method,
    mask: string | null,
    recipe: JsonObject,
    variant: string | null = null,
  ): string {
    const { parent, sparsity, child: seed } = place;
    const config = this.networkRun({ method, seed, sparsity, parent: parent.id, mask, recipe, variant });
    const label = `${this.childLabel(place, method)}${variant === null ? '' : `, ${variant}`}`;
    const epochs = { P0: 0, M1: this.fineTune.epochs * roundsOf(this.fineTune) };
    const work = this.epochsWork(epochs[method as 'P0' | 'M1'] ?? this.training.epochs);
    return this.add(config, [parent.id, ...(mask === null ? [] : [mask])], label, work);
  }

  /** What of the configuration a method's result depends on. */
  private recipeOf(method: Method): JsonObject {
    const { pruning } = this.config;
    if (method === 'P0') return { pruning };
    return method === 'M3-uniform' ? { training: this.training, pruning } : { training: this.training };
  }

  private m1Recipe(fineTune: FineTune): JsonObject {
    const { schedule, epochs, lr, ...others } = fineTune;
    const training = { ...this.training, schedule, epochs, lr };
    return { training, fineTune: others, pruning: this.config.pruning };
  }

  private networkRun(given: Partial<NetworkRunConfig> & Pick<NetworkRunConfig, 'method' | 'seed' | 'recipe'>) {
    const { data } = this.config;
    const base = { kind: 'network', study: STUDY, revision: REVISION, network: this.shape, data } as const;
    return { ...base, sparsity: 0, parent: null, mask: null, variant: null, ...given } satisfies NetworkRunConfig;
  }

  private compare(
    a: Dense,
    b: string,
    label: string,
    { view, pairs = 'same', stage = null }: { view: View; pairs?: 'same' | 'all'; stage?: string | null },
  ): void {
    const { images, rows, seed, threshold } = this.config.comparison;
    const common = { study: STUDY, revision: REVISION, data: this.config.data, images, rows, seed, threshold } as const;
    const config: ComparisonRunConfig = { kind: 'comparison', a: a.id, b, stage, pairs, view, ...common };
    const what = [
      `compare ${label} with seed ${a.seed}`,
      ...(stage === null ? [] : [stage]),
      ...(pairs === 'all' ? ['all layers'] : []),
      ...(view === 'pooled' ? ['pooled'] : []),
    ];
    this.add(config, b === a.id ? [b] : [a.id, b], what.join(', '), images * this.macs + this.comparing / 1e6);
  }

  private noise(view: View): void {
    const { data, comparison } = this.config;
    const { images, rows, seed, threshold } = comparison;
    const common = { study: STUDY, revision: REVISION, data, images, rows, seed, threshold } as const;
    const config: NoiseRunConfig = { kind: 'noise', network: this.shape, view, ...common };
    this.add(config, [], `${this.title}, noise (${view})`, this.comparing / 1e6);
  }

  private add(config: JsonObject, needs: readonly string[], label: string, weight: number): string {
    const id = runId(STUDY, REVISION, config);
    if (!this.planned.has(id)) this.planned.set(id, { id, config, needs, label, weight });
    return id;
  }

  /** A training step is a forward pass and about two more. */
  private epochsWork(epochs: number): number {
    return this.macs * (3 * epochs * this.trainingImages + 2000);
  }

  private denseLabel = ({ seed }: Dense): string => `${this.title} seed ${seed}, dense`;

  private childLabel({ parent, sparsity, child }: Place, method: Method): string {
    const number = this.config.seeds.children > 1 && method !== 'P0' ? `, child ${child}` : '';
    return `${this.title} seed ${parent.seed}, ${method} at ${percent(sparsity)}${number}`;
  }
}

function assertNumbers({ data, comparison }: SvccaConfig, { batch }: Training): void {
  const { train, test } = dataShape(data);
  if (test !== null && comparison.images > test)
    throw new ArgumentError(STUDY, `comparison.images up to the ${test} of data.test`, `${comparison.images}`);
  if (train !== null && batch > train)
    throw new ArgumentError(STUDY, `training.batch up to the ${train} images of data.train`, `${batch}`);
}

function assertKept({ sparsities }: SvccaConfig, sizes: ReadonlyMap<string, number>, title: string): void {
  const weights = [...sizes.values()].reduce((a, b) => a + b, 0);
  const most = Math.max(...sparsities);
  if (Math.round(weights - most * weights) < 1)
    throw new ArgumentError(STUDY, `sparsities that keep some of the ${weights} weights of ${title}`, `${most}`);
}

function assertPoints(
  { comparison: { images, rows } }: SvccaConfig,
  layers: readonly ComparedLayer[],
  view: View,
  title: string,
): void {
  for (const layer of layers) {
    const points = pointsOf(layer, view, images, rows);
    const least = LEAST_POINTS * channelsOf(layer);
    const wanted = `comparison.images and comparison.rows that give ${layer.name} of ${title} ${least} data points`;
    if (points < least) throw new ArgumentError(STUDY, `${wanted} (${view})`, `${points}`);
  }
}

/** 0.95 as `95 %`. */
const percent = (share: number): string => `${Number((100 * share).toFixed(4))} %`;

const roundsOf = ({ pruning, rounds }: Pick<FineTune, 'pruning' | 'rounds'>): number =>
  pruning === 'gradual' ? 1 : rounds;

/** Stages of M1 in order: after each round's pruning and fine-tuning. Gradual pruning has its end only. */
export function stageNames(fineTune: Pick<FineTune, 'pruning' | 'rounds'>): string[] {
  if (fineTune.pruning === 'gradual') return ['round1-tuned'];
  return Array.from({ length: fineTune.rounds }, (_, r) => [`round${r + 1}-pruned`, `round${r + 1}-tuned`]).flat();
}
