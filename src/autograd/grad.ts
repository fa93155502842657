import { apply, constant, coord, scalar } from '../expr/expr.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { stack } from '../ops/concat.js';
import { generate } from '../ops/map.js';
import { add } from '../ops/pointwise.js';
import { alias } from '../ops/reshape.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { sameShape, showShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Node, withRecording } from './node.js';
import { reverse } from './rules.js';

export interface GradOptions {
  /** Cotangents of `ys`, one a tensor and of its shape; ones where `ys` is a single scalar and none are given. */
  cotangents?: readonly Tensor[];
  /** Record the gradients' own computation, so that they can be differentiated again. */
  createGraph?: boolean;
  /** Give zeros for an x that no y depends on, instead of an error. */
  allowUnused?: boolean;
}

/**
 * Gradients of `ys` (weighted by cotangents) with respect to each of `xs`. Mutates nothing; the results belong to the
 * innermost scope like those of any op.
 *
 * @throws ShapeError when ys is not one scalar and no cotangents are given, or their shapes differ
 * @throws ArgumentError when some x does not influence ys (unless allowUnused)
 */
export function grad(ys: Tensor | readonly Tensor[], xs: readonly Tensor[], options: GradOptions = {}): Tensor[] {
  const outputs = Array.isArray(ys) ? (ys as readonly Tensor[]) : [ys as Tensor];
  const { cotangents, createGraph = false, allowUnused = false } = options;
  if (!cotangents) assertOneScalar(outputs);
  else if (cotangents.length !== outputs.length)
    throw new ArgumentError('grad', `${outputs.length} cotangents`, `${cotangents.length}`);
  cotangents?.forEach((c, i) => {
    assertDType('grad', 'a cotangent', c.dtype, 'f32');
    if (!sameShape(c.shape, outputs[i].shape)) {
      throw new ShapeError('grad', `a cotangent of shape ${showShape(outputs[i].shape)}`, showShape(c.shape));
    }
  });
  const path = pathTo(outputs, new Set(xs));
  const unused = xs.find((x) => !path.has(x));
  if (unused && !allowUnused) {
    throw new ArgumentError(
      'grad',
      'every x to influence y (allowUnused gives zeros instead)',
      `${unused}, which does not`,
    );
  }
  const run = () => withRecording(createGraph, () => pullBack(outputs, xs, path, cotangents, createGraph));
  return createGraph ? run() : scope(run);
}

/** Reverse accumulation over `path`, users before what they use. */
function pullBack(
  ys: readonly Tensor[],
  xs: readonly Tensor[],
  path: ReadonlySet<Tensor>,
  cotangents: readonly Tensor[] | undefined,
  createGraph: boolean,
): Tensor[] {
  const sums = new Map<Tensor, Tensor>();
  ys.forEach((y, i) => {
    if (path.has(y)) accumulate(sums, y, cotangents ? alias(cotangents[i]) : filled(y, 1), createGraph);
  });
  const wanted = new Set(xs);
  for (const t of [...path].reverse()) {
    const g = sums.get(t);
    const node = t.node;
    if (!g || !node) continue;
    const needs = node.inputs.map((x) => path.has(x));
    const rule = () => reverse(node, { output: t, needs, createGraph }, g);
    // Without a graph to keep, what a rule makes on its way ends with it.
    const parts = createGraph ? rule() : scope(rule);
    node.inputs.forEach((x, i) => {
      const part = parts[i];
      if (!part) return;
      if (needs[i]) accumulate(sums, x, part, createGraph);
      else if (!createGraph) part.dispose();
    });
    // Cotangents of intermediates are used up; their memory serves the next ones.
    if (!createGraph && !wanted.has(t)) g.dispose();
  }
  return xs.map((x) => sums.get(x) ?? filled(x, 0));
}

/** A float tensor of x's shape full of one value. */
const filled = (x: Tensor, value: number): Tensor => generate('grad', x.device, x.shape, constant(value), [], 'f32');

function assertOneScalar(ys: readonly Tensor[]): void {
  if (ys.length !== 1 || ys[0].size !== 1) {
    throw new ShapeError('grad', 'one scalar, or cotangents', ys.map((y) => showShape(y.shape)).join(', '));
  }
}

function accumulate(sums: Map<Tensor, Tensor>, t: Tensor, part: Tensor, createGraph: boolean): void {
  const before = sums.get(t);
  if (!before) {
    sums.set(t, part);
    return;
  }
  sums.set(t, add(before, part));
  if (!createGraph) {
    before.dispose();
    part.dispose();
  }
}

/** Tensors on a path from any of `ys` back to any of `xs`, inputs before outputs. Iterative: graphs may be deep. */
function pathTo(ys: readonly Tensor[], xs: ReadonlySet<Tensor>): Set<Tensor> {
  const reaches = new Map<Tensor, boolean>();
  const order = new Set<Tensor>();
  const stack: { t: Tensor; next: number }[] = [];
  const finish = (t: Tensor) => {
    const node: Node | null = t.node;
    const yes = xs.has(t) || (node?.inputs.some((x) => reaches.get(x)) ?? false);
    reaches.set(t, yes);
    if (yes) order.add(t);
  };
  for (const y of ys) {
    if (reaches.has(y)) continue;
    stack.push({ t: y, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const inputs: readonly Tensor[] = top.t.node?.inputs ?? [];
      if (top.next < inputs.length) {
        const child = inputs[top.next++];
        if (!reaches.has(child)) {
          reaches.set(child, false);
          stack.push({ t: child, next: 0 });
        }
      } else {
        finish(top.t);
        stack.pop();
      }
    }
  }
  return order;
}

/**
 * Handles on `xs` to differentiate by. They are recorded as the identity, so that a functional form inside a function
 * that is itself being differentiated passes gradients on.
 */
function leaves(xs: readonly Tensor[]): Tensor[] {
  return xs.map((x) => {
    const leaf = alias(x);
    leaf.requiresGrad = true;
    return leaf;
  });
}

/** A function of tensors, as the functional forms take it. */
export type TensorFunction = (...xs: Tensor[]) => Tensor;

/** f(xs), a scalar, and its gradient with respect to every x. */
export function valueAndGrad(
  f: TensorFunction,
  xs: readonly Tensor[],
  options: Pick<GradOptions, 'createGraph' | 'allowUnused'> = {},
): { value: Tensor; grads: Tensor[] } {
  const at = leaves(xs);
  const value = withRecording(true, () => f(...at));
  return { value, grads: grad(value, at, options) };
}

/** f(xs) and vᵀJ: the cotangent v of f's result pulled back to every x. */
export function vjp(f: TensorFunction, xs: readonly Tensor[], v: Tensor): { value: Tensor; grads: Tensor[] } {
  const at = leaves(xs);
  const value = withRecording(true, () => f(...at));
  return { value, grads: grad(value, at, { cotangents: [v], allowUnused: true }) };
}

/** f(xs) and Jv: the tangents vs pushed forward. Two reverse passes: vᵀ(d/du)(Jᵀu) = Jv, Jᵀu being linear in u. */
export function jvp(
  f: TensorFunction,
  xs: readonly Tensor[],
  vs: readonly Tensor[],
): { value: Tensor; tangent: Tensor } {
  const at = leaves(xs);
  const value = withRecording(true, () => f(...at));
  const u = generate('jvp', value.device, value.shape, constant(0), [], 'f32');
  u.requiresGrad = true;
  const pulled = grad(value, at, { cotangents: [u], createGraph: true, allowUnused: true });
  const [tangent] = grad(pulled, [u], { cotangents: vs, allowUnused: true });
  return { value, tangent };
}

/** H v: the Hessian of the scalar f at xs times vs, with f's gradient. */
export function hvp(
  f: TensorFunction,
  xs: readonly Tensor[],
  vs: readonly Tensor[],
): { grads: Tensor[]; products: Tensor[] } {
  const at = leaves(xs);
  const value = withRecording(true, () => f(...at));
  const grads = grad(value, at, { createGraph: true, allowUnused: true });
  return { grads, products: grad(grads, at, { cotangents: vs, allowUnused: true }) };
}

/**
 * Rows of the Jacobian of f(xs) (taken as a vector in row-major order) with respect to each x, one reverse pass a row.
 * For f of shape [samples, outputs], row n * outputs + k is sample n's k-th output.
 *
 * @returns for each x a tensor of shape [rows, ...x.shape]
 */
export function jacobianRows(f: TensorFunction, xs: readonly Tensor[], rows?: readonly number[]): Tensor[] {
  const at = leaves(xs);
  const value = withRecording(true, () => f(...at));
  const chosen = rows ?? Array.from({ length: value.size }, (_, i) => i);
  for (const r of chosen) {
    if (!Number.isInteger(r) || r < 0 || r >= value.size)
      throw new ArgumentError('jacobianRows', `rows from 0 to ${value.size - 1}`, String(r));
  }
  const parts = chosen.map((r) => {
    const one = unitCotangent(value, r);
    const g = grad(value, at, { cotangents: [one], allowUnused: true });
    one.dispose();
    return g;
  });
  return xs.map((_, i) => {
    const row = parts.map((p) => p[i]);
    const stacked = stack(row);
    for (const t of row) t.dispose();
    return stacked;
  });
}

/** The r-th unit vector in the shape of y. */
function unitCotangent(y: Tensor, r: number): Tensor {
  const at = apply('toF32', apply('eq', coord(0), apply('toI32', scalar(0))));
  const flat = generate('jacobianRows', y.device, [y.size], at, [r], 'f32');
  const shaped = flat.view('jacobianRows', y.shape);
  flat.dispose();
  return shaped;
}
