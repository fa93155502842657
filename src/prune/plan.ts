import { ArgumentError } from '../gpu/errors.js';
import { type Shape, showShape, sizeOf } from '../tensor/shape.js';
import { erkDensities } from './densities.js';
import { type NamedShapes, pickNames } from './names.js';

/** What competes with what: all weights planned, or those of each layer. */
export type PruneScope = 'global' | 'layer';

export interface PlannedLayer {
  /** Name of the weight. */
  name: string;
  shape: Shape;
  total: number;
  /** How many weights stay; null where the scores of all layers together decide. */
  kept: number | null;
}

/** How many weights each layer will keep, known before any work. Weights that are not in it are kept whole. */
export class PrunePlan {
  readonly kept: number;
  readonly total: number;

  /** @param kept how many weights stay of all layers together, where the scope is global */
  constructor(
    readonly scope: PruneScope,
    readonly layers: readonly PlannedLayer[],
    kept: number | null = null,
  ) {
    this.total = sum(layers.map((l) => l.total));
    this.kept = kept ?? sum(layers.map((l) => l.kept ?? 0));
  }

  /** A table for people, one line a layer. */
  toString(): string {
    const rows = this.layers.map((l) => [l.name, showShape(l.shape), `${l.total}`, ...shares(l.kept, l.total)]);
    const all = [`all (${this.scope})`, '', `${this.total}`, ...shares(this.kept, this.total)];
    return alignColumns([['weight', 'shape', 'total', 'kept', 'density'], ...rows, all]);
  }
}

export interface SparsityPlanOptions {
  /** `global` by default; `layer` gives every layer the same sparsity. */
  scope?: PruneScope;
  /** Names or patterns of the weights to prune (`*`, `?`); all matrices and kernels by default. */
  weights?: readonly string[];
}

/**
 * Removes a share of the weights, of all together or of every layer: round(total - sparsity * total) stay.
 *
 * @throws ArgumentError unless 0 <= sparsity < 1 and some weight stays, or for a pattern that fits no weight
 */
export function planSparsity(parameters: NamedShapes, sparsity: number, options: SparsityPlanOptions = {}): PrunePlan {
  return planSparsityOf('planSparsity', parameters, sparsity, options);
}

export function planSparsityOf(
  op: string,
  parameters: NamedShapes,
  sparsity: number,
  { scope = 'global', weights = ['*'] }: SparsityPlanOptions,
): PrunePlan {
  assertSparsity(op, sparsity);
  if (scope !== 'global' && scope !== 'layer') throw new ArgumentError(op, "scope 'global' or 'layer'", String(scope));
  const names = pickNames(op, parameters, weights);
  // Not (1 - sparsity) * total: 1 - 0.9 is below 0.1, and would round half a weight down.
  const keptOf = (total: number) => Math.round(total - sparsity * total);
  if (scope === 'layer')
    return checked(
      op,
      new PrunePlan(
        scope,
        layersOf(parameters, names, (_, n) => keptOf(n)),
      ),
    );
  const layers = layersOf(parameters, names, () => null);
  return checked(op, new PrunePlan(scope, layers, keptOf(sum(layers.map((l) => l.total)))));
}

/**
 * Keeps round(density * total) of each layer, by names or patterns; where several fit a layer, the last one counts.
 *
 * @throws ArgumentError for a density outside (0, 1], or a pattern that fits no weight
 */
export function planDensities(parameters: NamedShapes, densities: Readonly<Record<string, number>>): PrunePlan {
  const op = 'planDensities';
  const byName = new Map<string, number>();
  for (const [pattern, density] of Object.entries(densities)) {
    if (!(density > 0 && density <= 1))
      throw new ArgumentError(op, `a density in (0, 1] for '${pattern}'`, `${density}`);
    for (const name of pickNames(op, parameters, [pattern])) byName.set(name, density);
  }
  return planByDensity(op, parameters, byName);
}

/**
 * Erdős–Rényi-kernel densities (Evci et al. 2020): a layer's density is proportional to the sum of its axes over their
 * product, at most 1, at an overall sparsity. Every layer keeps its rounded share.
 *
 * @throws ArgumentError as `planSparsity`
 */
export function planErk(parameters: NamedShapes, sparsity: number, weights: readonly string[] = ['*']): PrunePlan {
  assertSparsity('planErk', sparsity);
  const names = pickNames('planErk', parameters, weights);
  const densities = erkDensities(
    names.map((name) => shapeOf(parameters, name)),
    1 - sparsity,
  );
  return planByDensity('planErk', parameters, new Map(names.map((name, i) => [name, densities[i]])));
}

function planByDensity(op: string, parameters: NamedShapes, densities: ReadonlyMap<string, number>): PrunePlan {
  const names = pickNames(op, parameters, [...densities.keys()]);
  const layers = layersOf(parameters, names, (name, total) => Math.round(densities.get(name)! * total));
  return checked(op, new PrunePlan('layer', layers));
}

/**
 * Keeps exactly as many weights of each layer as a mask does: what isolates where weights stay from how many.
 *
 * @throws ArgumentError for a layer that the parameters do not have, or of another size
 */
export function planLike(
  parameters: NamedShapes,
  { layers }: { layers: readonly { name: string; kept: number; total: number }[] },
): PrunePlan {
  const op = 'planLike';
  const kept = new Map(layers.map((l) => [l.name, l.kept]));
  for (const { name, total, kept: some } of layers) {
    const size = sizeOf(shapeOf(parameters, name));
    if (size !== total) throw new ArgumentError(op, `${size} weights of ${name}`, `${total}`);
    if (!(Number.isInteger(some) && some >= 0 && some <= total))
      throw new ArgumentError(op, `a whole number from 0 to ${total} kept of ${name}`, `${some}`);
  }
  const names = pickNames(op, parameters, [...kept.keys()]);
  return new PrunePlan(
    'layer',
    layersOf(parameters, names, (name) => kept.get(name)!),
  );
}

/** @throws ArgumentError unless 0 <= sparsity < 1 */
export function assertSparsity(op: string, sparsity: number): void {
  if (!(sparsity >= 0 && sparsity < 1)) throw new ArgumentError(op, 'a sparsity in [0, 1)', String(sparsity));
}

function checked(op: string, plan: PrunePlan): PrunePlan {
  if (plan.kept > 0) return plan;
  throw new ArgumentError(op, 'a sparsity that keeps a weight', `0 kept of ${plan.total}`);
}

function layersOf(
  parameters: NamedShapes,
  names: readonly string[],
  keptOf: (name: string, total: number) => number | null,
): PlannedLayer[] {
  return names.map((name) => {
    const shape = shapeOf(parameters, name);
    const total = sizeOf(shape);
    return { name, shape, total, kept: keptOf(name, total) };
  });
}

function shapeOf({ specs }: NamedShapes, name: string): Shape {
  const spec = specs.find((s) => s.name === name);
  if (spec) return spec.shape;
  throw new ArgumentError('PrunePlan', `a name among ${specs.map((s) => s.name).join(', ')}`, `'${name}'`);
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

function shares(kept: number | null, total: number): [string, string] {
  if (kept === null) return ['by score', ''];
  return [`${kept}`, total === 0 ? '' : `${((100 * kept) / total).toFixed(2)} %`];
}

/** Text to the left in the first two columns, numbers to the right in the others. */
function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const cell = (text: string, c: number) => (c < 2 ? text.padEnd(widths[c]) : text.padStart(widths[c]));
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}
