import type { RunRecord } from '../../../store/record.js';
import type { Widths } from '../enumerate.js';
import type {
  BudgetResult,
  ContinuationResult,
  ContinuationRunConfig,
  Initialisation,
  MaskClass,
  MasksResult,
  MasksRunConfig,
  MethodResult,
  MethodRunConfig,
  Pruner,
  ReferenceResult,
  ReferenceRunConfig,
  StructuredResult,
  StructuredRunConfig,
  Target,
  TrainedNetwork,
  TripleResult,
} from '../types.js';
import { PRUNERS } from '../types.js';

export const TARGETS: readonly Target[] = [0.95, 0.995];

/** A finished block of runs. */
export interface Block<Config, Result> {
  readonly config: Config;
  readonly result: Result;
}
export type MasksBlock = Block<MasksRunConfig, MasksResult>;
type ContinuationBlock = Block<ContinuationRunConfig, ContinuationResult>;

/** What the search found with one way to draw first weights: fixed ones are for one target, random ones for both. */
export interface Search {
  readonly initialisation: Initialisation;
  /** What fixed first weights are for; null where they are random. */
  readonly target: Target | null;
  readonly label: string;
  /** Best run of every dense network of phase 1, fewest weights first. */
  readonly triples: readonly TripleResult[];
  readonly masks: readonly MasksBlock[];
  readonly continuation: readonly ContinuationBlock[];
}

/** Where a network that the search found comes from: a dense network, phase 2, or what went on beyond it. */
export type Phase = 'dense' | 'masks' | 'continuation';

/** The best network of a number of weights that a phase found. */
export interface Found {
  readonly phase: Phase;
  readonly weights: number;
  readonly parameters: number;
  readonly accuracy: number;
  /** Null of phase 1, which keeps no weights. */
  readonly trained: TrainedNetwork | null;
  readonly widths: Widths;
}

/** Pruning methods on networks of one width, with one way to draw first weights. */
export interface MethodGroup {
  readonly initialisation: Initialisation;
  readonly target: Target | null;
  readonly width: number;
  readonly label: string;
  readonly methods: readonly MethodResults[];
}

export interface MethodResults {
  readonly method: Pruner;
  /** Ascending. */
  readonly budgets: readonly BudgetResult[];
}

/** All that is finished. */
export interface Analysis {
  /** Fewest epochs that any network was trained for; null of nothing. */
  readonly epochs: number | null;
  readonly references: readonly Block<ReferenceRunConfig, ReferenceResult>[];
  /** Random first weights before fixed ones; those of which anything is finished. */
  readonly searches: readonly Search[];
  /** Random first weights before fixed ones, narrow before wide. */
  readonly groups: readonly MethodGroup[];
}

/** Sorts a study's records; what is not finished is left out. The order of the records makes no difference. */
export function analyseStudy(records: ReadonlyMap<string, RunRecord>): Analysis {
  const finished = [...records.values()].filter((r) => r.status === 'finished').sort((a, b) => (a.id < b.id ? -1 : 1));
  const kind = <T>(name: string) => finished.filter((r) => r.config.kind === name) as unknown as T[];
  const structured = kind<Block<StructuredRunConfig, StructuredResult>>('structured');
  const masks = kind<MasksBlock>('masks');
  const continuation = kind<ContinuationBlock>('continuation');
  const epochs = finished.flatMap(({ config }) => (typeof config.epochs === 'number' ? config.epochs : []));
  return {
    epochs: epochs.length > 0 ? Math.min(...epochs) : null,
    references: kind('reference'),
    searches: SETTINGS.map((setting) => ({
      ...setting,
      label: settingLabel(setting),
      triples: bestTriples(structured.filter((s) => isOf(setting, s.config)).flatMap((s) => s.result.triples)),
      masks: masks.filter((m) => isOf(setting, m.config)),
      continuation: continuation.filter((c) => isOf(setting, c.config)).sort((a, b) => a.config.slice - b.config.slice),
    })).filter((s) => s.triples.length + s.masks.length + s.continuation.length > 0),
    groups: methodGroups(kind('method')),
  };
}

interface Setting {
  readonly initialisation: Initialisation;
  readonly target: Target | null;
}
const SETTINGS: readonly Setting[] = [
  { initialisation: 'random', target: null },
  ...TARGETS.map((target) => ({ initialisation: 'fixed' as const, target })),
];

const isOf = (a: Setting, b: Setting): boolean =>
  a.initialisation === b.initialisation && (a.initialisation === 'random' || a.target === b.target);

/** `95 %`. */
export const targetLabel = (target: Target): string => `${100 * target} %`;

const settingLabel = ({ initialisation, target }: Setting): string =>
  initialisation === 'random' ? 'random first weights' : `first weights given for ${targetLabel(target!)}`;

/** `95 %, random first weights`. */
export const aimLabel = ({ initialisation }: Setting, target: Target): string =>
  `${targetLabel(target)}, ${initialisation === 'random' ? 'random' : 'given'} first weights`;

function bestTriples(all: readonly TripleResult[]): TripleResult[] {
  const best = new Map<string, TripleResult>();
  for (const triple of all) {
    const name = triple.widths.join('-');
    const known = best.get(name);
    if (!known || triple.accuracy > known.accuracy) best.set(name, triple);
  }
  const order = ({ widths: [a, b, c], parameters }: TripleResult) => ((parameters * 17 + a) * 17 + b) * 17 + c;
  return [...best.values()].sort((p, q) => order(p) - order(q));
}

/** The dense network of fewest parameters that reached a target: what phase 2 looks into. */
export const winner = ({ triples }: Search, target: Target): TripleResult | null =>
  triples.find((t) => t.accuracy >= target) ?? null;

/** The best of what each phase found, by number of weights. Both targets' masks count. */
export function foundBy(search: Search): readonly Found[] {
  const best = new Map<string, Found>();
  const add = (found: Found) => {
    const name = `${found.phase} ${found.weights}`;
    const known = best.get(name);
    if (!known || found.accuracy > known.accuracy) best.set(name, found);
  };
  for (const { widths, weights, parameters, accuracy } of search.triples)
    add({ phase: 'dense', weights, parameters, accuracy, widths, trained: null });
  const addClasses = (phase: Phase, classes: readonly MaskClass[]) => {
    for (const { best: trained } of classes) {
      const { weights, parameters, accuracy, network } = trained;
      add({ phase, weights, parameters, accuracy, trained, widths: network.widths });
    }
  };
  for (const { result } of search.masks) addClasses('masks', result.classes);
  for (const { result } of search.continuation) addClasses('continuation', result.classes);
  return [...best.values()].sort((a, b) => a.weights - b.weights || b.accuracy - a.accuracy);
}

/** Networks that are better than all with fewer weights. */
export function frontier(found: readonly Found[]): readonly Found[] {
  let best = Number.NEGATIVE_INFINITY;
  return found.filter(({ accuracy }) => {
    const better = accuracy > best;
    if (better) best = accuracy;
    return better;
  });
}

/** The network of fewest weights that reaches a target. */
export const sparsest = (search: Search, target: Target): Found | null =>
  foundBy(search).find((f) => f.accuracy >= target) ?? null;

/** The search that a group of methods is held against: the one with its first weights. */
export const searchFor = ({ searches }: Analysis, setting: Setting): Search | null =>
  searches.find((s) => isOf(s, setting)) ?? null;

/** Blocks of methods by width and first weights; a budget that several blocks tried is one. */
function methodGroups(blocks: readonly Block<MethodRunConfig, MethodResult>[]): MethodGroup[] {
  return SETTINGS.flatMap((setting) => {
    const own = blocks.filter((b) => isOf(setting, b.config));
    const widths = [...new Set(own.map((b) => b.config.width))].sort((a, b) => a - b);
    return widths.map((width) => {
      const methods = PRUNERS.flatMap((method) => {
        const found = own.filter((b) => b.config.width === width && b.config.method === method);
        return found.length > 0 ? [{ method, budgets: merged(found.flatMap((b) => b.result.budgets)) }] : [];
      });
      const label = `width ${width}${setting.initialisation === 'fixed' ? `, ${settingLabel(setting)}` : ''}`;
      return { ...setting, width, label, methods };
    });
  });
}

function merged(results: readonly BudgetResult[]): BudgetResult[] {
  const byBudget = new Map<number, BudgetResult>();
  for (const result of results) {
    const known = byBudget.get(result.budget);
    byBudget.set(result.budget, known ? together(known, result) : result);
  }
  return [...byBudget.values()].sort((a, b) => a.budget - b.budget);
}

function together(a: BudgetResult, b: BudgetResult): BudgetResult {
  const runs = a.runs + b.runs;
  const mean = (value: (r: BudgetResult) => number) => (value(a) * a.runs + value(b) * b.runs) / runs;
  return {
    budget: a.budget,
    runs,
    weights: {
      least: Math.min(a.weights.least, b.weights.least),
      most: Math.max(a.weights.most, b.weights.most),
    },
    meanAccuracy: mean((r) => r.meanAccuracy),
    reached: { '0.95': a.reached['0.95'] + b.reached['0.95'], '0.995': a.reached['0.995'] + b.reached['0.995'] },
    deadFraction: mean((r) => r.deadFraction),
    biasFedFraction: mean((r) => r.biasFedFraction),
    disconnected: mean((r) => r.disconnected),
    best: b.best.accuracy > a.best.accuracy ? b.best : a.best,
  };
}

/** The network of fewest weights that reaches a target, of the best ones of all budgets; null where none does. */
export function sparsestOf({ budgets }: MethodResults, target: Target): TrainedNetwork | null {
  const reaching = budgets.map((b) => b.best).filter((net) => net.accuracy >= target);
  return reaching.sort((a, b) => a.weights - b.weights || b.accuracy - a.accuracy)[0] ?? null;
}
