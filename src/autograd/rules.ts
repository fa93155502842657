import { derive } from '../expr/derive.js';
import { apply, constant, input, inputsOf, renumber } from '../expr/expr.js';
import { conv2dInput, conv2dLike, conv2dWeight } from '../ops/conv.js';
import { type MapAttrs, map } from '../ops/map.js';
import { matmul } from '../ops/matmul.js';
import { fuse } from '../ops/pointwise.js';
import { sum } from '../ops/reductions.js';
import { alias, reshape } from '../ops/reshape.js';
import { reducedShape, sameShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { throughActivation, unbroadcast } from './cotangents.js';
import type { Node, PrimitiveName } from './node.js';
import type { Rule, RuleContext } from './rule.js';
import { blockRules } from './rules-block.js';
import { indexRules } from './rules-index.js';
import { linalgRules } from './rules-linalg.js';
import { spectralRules } from './rules-linalg-svd.js';
import { normRules } from './rules-norm.js';
import { sampleRules } from './rules-sample.js';
import { sparseRules } from './rules-sparse.js';
import { sparseConvRules } from './rules-sparse-conv.js';
import { spatialRules } from './rules-spatial.js';

/**
 * Reverse rules: the cotangents of a primitive's inputs, given that of its output. Written with the public ops, so
 * that they can be differentiated again. Every result is a tensor of its own (never `g` itself: use `alias`).
 */
const rules: { [K in PrimitiveName]: Rule<K> } = {
  ...blockRules,
  ...indexRules,
  ...linalgRules,
  ...spectralRules,
  ...normRules,
  ...sampleRules,
  ...sparseRules,
  ...sparseConvRules,
  ...spatialRules,
  map: (node, g, { needs }) => {
    const { expr, scalars, shape, axes } = node.attrs as MapAttrs;
    const n = node.inputs.length;
    const gKept = axes.length > 0 ? reshape(g, reducedShape(shape, axes, true)) : alias(g);
    const parts = node.inputs.map((x, i) => {
      if (!needs[i]) return null;
      const d = derive(expr, i, input(n));
      if (!d) return null;
      const target = shape.map((_, a) => x.shape[a - (shape.length - x.shape.length)] ?? 1);
      const summed = shape.flatMap((size, a) => (target[a] === 1 && size !== 1 ? [a] : []));
      if (d === input(n) && summed.length === 0 && sameShape(gKept.shape, shape)) return reshape(gKept, x.shape);
      const used = inputsOf(d);
      const all = [...node.inputs, gKept];
      const back = map(
        used.map((u) => all[u]),
        renumber(d, new Map(used.map((u, k) => [u, k]))),
        { scalars, shape, axes: summed, keepDims: true, op: 'gradient of map' },
      );
      if (sameShape(back.shape, x.shape)) return back;
      const shaped = reshape(back, x.shape);
      back.dispose();
      return shaped;
    });
    return parts;
  },

  reshape: (node, g) => [reshape(g, node.inputs[0].shape)],

  extremum: (node, g, { output }) => {
    const [x] = node.inputs;
    const { axes } = node.attrs;
    const kept = reducedShape(x.shape, axes, true);
    const y = reshape(output, kept);
    const gKept = reshape(g, kept);
    const hit = apply('where', apply('eq', input(0), input(1)), constant(1), constant(0));
    const ties = map([x, y], hit, { axes, keepDims: true });
    return [
      fuse(
        (v, top, gg, count) => apply('where', apply('eq', v, top), apply('div', gg, count), constant(0)),
        [x, y, gKept, ties],
      ),
    ];
  },

  matmul: (node, g, { output, needs }) => {
    const [a, b, bias] = node.inputs;
    const { transA, transB, activation } = node.attrs;
    const dz = throughActivation(activation, output, g);
    const da = needs[0]
      ? transA
        ? matmul(b, dz, { transA: transB, transB: true })
        : matmul(dz, b, { transB: !transB })
      : null;
    const db = needs[1] ? weightProduct(a, dz, transA, transB, b.rank) : null;
    return [
      da && unbroadcast(da, a),
      db && unbroadcast(db, b),
      bias && needs[2] ? biasGradient(dz, bias, dz.rank - 2) : null,
    ];
  },

  conv2d: (node, g, { output, needs }) => {
    const [x, w, bias] = node.inputs;
    const attrs = node.attrs;
    const dz = throughActivation(attrs.activation, output, g);
    return [
      needs[0] ? unbroadcast(conv2dInput(dz, w, attrs), x) : null,
      needs[1] ? unbroadcast(conv2dWeight(x, dz, attrs), w) : null,
      bias && needs[2] ? biasGradient(dz, bias, dz.rank - 4) : null,
    ];
  },

  // The input gradient is linear in both the cotangent c and the weight: <u, D(c, w)> = <conv(u, w), c>.
  conv2dInput: (node, u, { needs }) => {
    const [c, w] = node.inputs;
    return [
      needs[0] ? unbroadcast(conv2dLike(u, w, node.attrs), c) : null,
      needs[1] ? unbroadcast(conv2dWeight(u, c, node.attrs), w) : null,
    ];
  },

  // The weight gradient is linear in both the input x and the cotangent c: <u, W(x, c)> = <conv(x, u), c>.
  conv2dWeight: (node, u, { needs }) => {
    const [x, c] = node.inputs;
    return [
      needs[0] ? unbroadcast(conv2dInput(c, u, node.attrs), x) : null,
      needs[1] ? unbroadcast(conv2dLike(x, u, node.attrs), c) : null,
    ];
  },
};

/** Cotangents of a node's inputs. */
export function reverse<K extends PrimitiveName>(node: Node<K>, context: RuleContext, g: Tensor): (Tensor | null)[] {
  return (rules[node.primitive] as Rule<K>)(node, g, context);
}

/** d<g, op(a) op(b)>/db. A matrix b shared by a batch of a gets one product over the folded batch. */
function weightProduct(a: Tensor, dz: Tensor, transA: boolean, transB: boolean, rank: number): Tensor {
  if (rank === 2 && a.rank > 2 && !transA) {
    const fold = (t: Tensor) => reshape(t, [-1, t.shape[t.rank - 1]]);
    return weightProduct(fold(a), fold(dz), transA, transB, rank);
  }
  return transB ? matmul(dz, a, { transA: true, transB: transA }) : matmul(a, dz, { transA: !transA });
}

/** Sum over everything but the last axis and the leading part axes that the bias has. */
function biasGradient(dz: Tensor, bias: Tensor, lead: number): Tensor {
  const keep = bias.rank === 2 ? lead : 0;
  const axes = dz.shape.map((_, a) => a).slice(keep, -1);
  return reshape(sum(dz, axes), bias.shape);
}
