import { ArgumentError } from '../../gpu/errors.js';
import type { JsonObject, RunSpec } from '../../store/record.js';
import { runId } from '../../store/run-id.js';
import type { ContinuationConfig, MethodsConfig, SearchConfig, SpiralConfig, StructuredConfig } from './config.js';
import { denseParameters, narrowerTriples, type Truncation, type Widths, widthTriples } from './enumerate.js';
import { LTH_TRAININGS } from './methods/method-schedules.js';
import { candidatesOf, type WeightRange } from './search/candidates.js';
import { latticeSizes } from './search/lattice.js';
import { FULL_WIDTH, TRAINING } from './training/setting.js';
import {
  type ContinuationRunConfig,
  type Initialisation,
  type MasksRunConfig,
  type MethodRunConfig,
  type Pruner,
  REVISION,
  type ReferenceRunConfig,
  STUDY,
  type StructuredRunConfig,
  type Target,
} from './types.js';

/** A block of runs of this study, with what it is called and how much work it is. */
export interface SpiralRun extends RunSpec {
  readonly label: string;
  /** Network-steps times parameters, in millions. */
  readonly weight: number;
  /** Trainings in it; of a continuation, unknown. */
  readonly runs: number;
}

/** Units of the shapes that phase 1's networks are trained within: few, since each is compiled. */
const SHAPES = [4, 8, 12, 16];
/** Parameters times runs of a method that are trained together at most: seconds to minutes. */
const METHOD_WORK = 150_000;
/** Trainings that a method's run takes. */
const ROUNDS: Partial<Record<Pruner, number>> = { lth: LTH_TRAININGS };
/** Candidates beyond which a search is not one that can be done. */
const MOST_CANDIDATES = 5_000_000;

/**
 * All blocks of runs of a configuration: reference networks, phase 1, phase 2, its continuation, methods.
 *
 * @throws ArgumentError for a search without its phase 1, fixed first weights without a target or of a wider network, and
 * budgets or numbers of weights that no network has
 */
export function expandSpiral(config: SpiralConfig): SpiralRun[] {
  const plan = new SpiralPlan(config);
  plan.reference();
  for (const phase of config.structured) plan.structured(phase);
  for (const search of config.searches) plan.search(search);
  if (config.continuation) plan.continuation(config.continuation);
  for (const methods of config.methods) plan.methods(methods);
  return [...plan.planned.values()];
}

/** What every block's configuration begins with. */
type Common = Pick<ReferenceRunConfig, 'study' | 'revision' | 'epochs' | 'seed'>;

class SpiralPlan {
  readonly planned = new Map<string, SpiralRun>();
  private readonly common: Common;

  constructor(private readonly config: SpiralConfig) {
    this.common = { study: STUDY, revision: REVISION, epochs: config.epochs, seed: config.seed };
  }

  reference(): void {
    const { seeds, orders, rows } = this.config.reference;
    if (orders > seeds) throw new ArgumentError(STUDY, `reference.orders up to the ${seeds} seeds`, `${orders}`);
    for (const { widths, rate, schedule } of rows) {
      const run = {
        kind: 'reference',
        widths,
        rate,
        schedule,
        seeds,
        orders,
        ...this.common,
      } satisfies ReferenceRunConfig;
      const label = `${seeds} dense ${named(widths)}, rate ${rate} ${schedule}`;
      this.add(run, [], label, this.work(seeds, parametersOf(widths)), seeds);
    }
  }

  structured(phase: StructuredConfig): void {
    const { initialisation, target, below } = phase;
    const settings = { rates: phase.rates, schedules: phase.schedules };
    const tried = triplesOf(phase);
    if (tried.length === 0)
      throw new ArgumentError(STUDY, 'structured.below with smaller networks', `${below} of up to ${phase.most} units`);
    const shapes = new Map<string, { within: Widths; count: number }>();
    for (const triple of tried) {
      const within = shapeAround(triple);
      const known = shapes.get(within.join());
      shapes.set(within.join(), { within, count: (known?.count ?? 0) + 1 });
    }
    for (const { within, count } of shapes.values()) {
      const fixedSeed = this.fixedSeed(initialisation, target, 'structured');
      const run: StructuredRunConfig = {
        ...{ kind: 'structured', initialisation, fixedSeed, target, below, most: phase.most, within },
        ...{ ...settings, ...this.common },
      };
      const runs = count * combinations(phase);
      const label = `phase 1 (${forTarget(initialisation, target)}), ${count} dense networks within ${named(within)}`;
      this.add(run, [], label, this.work(runs, parametersOf(within)), runs);
    }
  }

  search(search: SearchConfig): void {
    const { target, initialisation, widths, truncation, weights, repeats, rates, schedules } = search;
    const structured = widths === 'winner' ? this.phase1(search) : [];
    // Of a winner that is not known yet, what there is to do is reckoned by the published one.
    const expected = widths === 'winner' ? PUBLISHED_WINNERS[`${initialisation} ${target}`] : widths;
    const candidates = countCandidates(expected, truncation, weights);
    if (candidates === 0 && widths !== 'winner')
      throw new ArgumentError(STUDY, `masks within ${named(expected)} to search`, `none of ${describe(weights)}`);
    const trainings = combinations(search) * repeats;
    const count = Math.max(1, Math.ceil((candidates * trainings) / this.config.blockRuns));
    for (let index = 0; index < count; index++) {
      const run: MasksRunConfig = {
        ...{ kind: 'masks', target, initialisation, fixedSeed: this.fixedSeed(initialisation, target, 'searches') },
        ...{ widths, structured, truncation, weights, repeats, part: { index, count }, rates, schedules },
        ...this.common,
      };
      const part = count > 1 ? `, part ${index + 1} of ${count}` : '';
      const label = `masks of ${widths === 'winner' ? 'the winner' : named(widths)} for ${percent(target)} (${initialisation})${part}`;
      const runs = Math.ceil((candidates - index) / count) * trainings;
      this.add(run, structured, label, this.work(runs, parametersOf(expected)), runs);
    }
  }

  continuation({ minutes, sliceMinutes, ...space }: ContinuationConfig): void {
    const { target, initialisation, widths, rates, schedules } = space;
    const from = [...this.planned.values()].filter(({ config }) => isPhase2Of(config, space)).map(({ id }) => id);
    const slices = Math.ceil(minutes / sliceMinutes - 1e-9);
    for (let slice = 0; slice < slices; slice++) {
      const left = minutes - slice * sliceMinutes;
      const run: ContinuationRunConfig = {
        ...{ kind: 'continuation', target, initialisation, widths, slice, rates, schedules },
        ...{ fixedSeed: this.fixedSeed(initialisation, target, 'continuation') },
        ...{ seconds: 60 * Math.min(sliceMinutes, left), from: [...from], ...this.common },
      };
      const label = `best-first search of ${named(widths)} for ${percent(target)} (${initialisation}), slice ${slice + 1} of ${slices}`;
      // 70 million parameter-steps a second are what two cores do.
      from.push(this.add(run, run.from, label, 70 * run.seconds, 0));
    }
  }

  methods(config: MethodsConfig): void {
    const { initialisation, target, methods, rates, schedules, repeats } = config;
    for (const width of config.widths) {
      if (initialisation === 'fixed' && width > FULL_WIDTH)
        throw new ArgumentError(STUDY, `methods.widths up to ${FULL_WIDTH} with fixed first weights`, `${width}`);
      const { weights, biases } = denseParameters([width, width, width]);
      const budgets = config.budgets.filter((k) => k < weights).sort((a, b) => a - b);
      if (budgets.length === 0)
        throw new ArgumentError(STUDY, `methods.budgets below the ${weights} weights of width ${width}`, 'none');
      const one = combinations(config) * repeats * (weights + biases);
      for (const method of methods)
        for (const some of chunks(budgets, Math.max(1, Math.floor(METHOD_WORK / one)))) {
          const run: MethodRunConfig = {
            ...{ kind: 'method', method, width, initialisation, target, budgets: some, repeats, rates, schedules },
            ...{ fixedSeed: this.fixedSeed(initialisation, target, 'methods'), ...this.common },
          };
          const runs = some.length * combinations(config) * repeats;
          const kept = some.length > 1 ? `${some[0]} to ${some[some.length - 1]}` : `${some[0]}`;
          const label = `${method}, width ${width}, ${kept} weights (${forTarget(initialisation, target)})`;
          this.add(run, [], label, this.work(runs * (ROUNDS[method] ?? 1), weights + biases), runs);
        }
    }
  }

  /** Ids of the blocks of phase 1 that a search takes its winner from. */
  private phase1({ initialisation, target }: SearchConfig): string[] {
    const own = [...this.planned.values()].filter(({ config }) => {
      const { kind, initialisation: theirs, target: aim } = config as StructuredRunConfig;
      return kind === 'structured' && theirs === initialisation && (theirs === 'random' || aim === target);
    });
    if (own.length > 0) return own.map(({ id }) => id);
    const wanted = `phase 1 (structured) with ${initialisation} first weights, whose winner is searched`;
    throw new ArgumentError(STUDY, wanted, 'none');
  }

  private fixedSeed(initialisation: Initialisation, target: Target | null, what: string): number | null {
    if ((initialisation === 'fixed') !== (target !== null) && what !== 'searches' && what !== 'continuation')
      throw new ArgumentError(STUDY, `${what}.target with fixed first weights, and with them only`, `${target}`);
    if (initialisation === 'random') return null;
    return target === 0.95 ? this.config.fixedSeeds.at95 : this.config.fixedSeeds.at995;
  }

  private add(config: JsonObject, needs: readonly string[], label: string, weight: number, runs: number): string {
    const id = runId(STUDY, REVISION, config);
    if (!this.planned.has(id)) this.planned.set(id, { id, config, needs, label, weight, runs });
    return id;
  }

  private work(runs: number, parameters: number): number {
    return (runs * parameters * this.config.epochs * TRAINING.stepsPerEpoch) / 1e6;
  }
}

/** Winners of the published phase 1. */
const PUBLISHED_WINNERS: Readonly<Record<`${Initialisation} ${Target}`, Widths>> = {
  'random 0.95': [3, 3, 3],
  'fixed 0.95': [3, 2, 2],
  'random 0.995': [7, 3, 3],
  'fixed 0.995': [6, 3, 2],
};

/** @throws ArgumentError where there are too many to enumerate */
function countCandidates(widths: Widths, truncation: Truncation | null, weights: WeightRange | null): number {
  if (!truncation) {
    const { least, most } = weights ?? { least: 0, most: Number.POSITIVE_INFINITY };
    let count = 0;
    for (const [size, masks] of latticeSizes(widths)) if (size >= least && size <= most) count += masks;
    if (count > MOST_CANDIDATES)
      throw new ArgumentError(STUDY, `at most ${MOST_CANDIDATES} masks (a truncation limits them)`, `${count}`);
  }
  return candidatesOf(widths, truncation, weights).length;
}

/** The triples that phase 1 tries. */
export function triplesOf({ most, below }: { readonly most: number; readonly below: Widths | null }): Widths[] {
  const all = below ? narrowerTriples(below) : widthTriples(most);
  return all.filter((triple) => triple.every((units) => units <= most));
}

/** The shape within which a triple is trained. */
export const shapeAround = (triple: Widths): Widths =>
  triple.map((units) => SHAPES.find((n) => n >= units)!) as unknown as Widths;

function isPhase2Of(config: JsonObject, space: Omit<ContinuationConfig, 'minutes' | 'sliceMinutes'>): boolean {
  const { kind, target, initialisation, widths } = config as MasksRunConfig;
  const same = target === space.target && initialisation === space.initialisation;
  return kind === 'masks' && same && String(widths) === String(space.widths);
}

const combinations = ({ rates, schedules }: { rates: readonly number[]; schedules: readonly string[] }): number =>
  rates.length * schedules.length;

const parametersOf = (widths: Widths): number => {
  const { weights, biases } = denseParameters(widths);
  return weights + biases;
};

const chunks = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size));

const named = (widths: readonly number[]): string => `2-${widths.join('-')}-1`;
const percent = (share: number): string => `${100 * share} %`;
const forTarget = (initialisation: Initialisation, target: Target | null): string =>
  target === null ? initialisation : `${initialisation}, ${percent(target)}`;
const describe = (weights: SearchConfig['weights']): string =>
  weights ? `${weights.least} to ${weights.most} weights` : 'any size';
