import { ArgumentError } from '../gpu/errors.js';
import type { Model } from '../nn/model.js';
import { reshape } from '../ops/reshape.js';
import type { Population } from '../population/population.js';
import { type PerModel, perModel } from '../population/population-optimiser.js';
import { type Shape, sizeOf } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import type { NamedShapes } from './names.js';
import type { PrunePlan } from './plan.js';

/** A model, or many of one network that are pruned together, each by its own scores. */
export type Models = Model | Population;

/** A plan for a model; for a population one for all, or one each: of the same scope and weights, for one model's shapes. */
export type PlansOf<M extends Models> = M extends Population ? PerModel<PrunePlan> : PrunePlan;

/** Axes that lead all parameters: none of a model, that of the models of a population. */
export const leadOf = (model: Models): Shape => ('models' in model ? [model.models] : []);

/** Names and shapes of one model's parameters. */
export const shapesOf = (model: Models): NamedShapes => ('models' in model ? model : model.parameters);

/** Axes of a tensor behind those that lead. */
export const axesBehind = (lead: Shape, { rank }: Tensor): number[] =>
  Array.from({ length: rank - lead.length }, (_, i) => lead.length + i);

/** Values of the shape of what leads, to be broadcast along a tensor's other axes. */
export const broadcastAlong = (values: Tensor, { rank }: Tensor): Tensor =>
  reshape(values, [...values.shape, ...new Array<number>(rank - values.rank).fill(1)]);

/** One plan a model, checked. */
export function plansOf(op: string, model: Models, plans: PerModel<PrunePlan>): readonly PrunePlan[] {
  const list = perModel(op, 'plans', plans, sizeOf(leadOf(model)));
  checkPlans(op, shapesOf(model), list);
  return list;
}

/** @throws ArgumentError for plans of different scopes or weights, or of weights that a model does not have */
export function checkPlans(op: string, { specs }: NamedShapes, plans: readonly PrunePlan[]): void {
  const [{ scope, layers }] = plans;
  const sizes = new Map(specs.map(({ name, shape }) => [name, sizeOf(shape)]));
  const names = layers.map((l) => l.name).join(', ');
  for (const plan of plans) {
    if (plan.scope !== scope || plan.layers.map((l) => l.name).join(', ') !== names)
      throw new ArgumentError(op, `plans of the same scope and weights (${scope}: ${names})`, String(plan));
    for (const { name, total } of plan.layers) {
      const size = sizes.get(name);
      if (size !== total)
        throw new ArgumentError(op, `plans of one model's weights: ${size ?? 0} of ${name}`, `${total}`);
    }
  }
}
