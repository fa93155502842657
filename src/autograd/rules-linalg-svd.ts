import { apply, constant, type Expr } from '../expr/expr.js';
import { matmul } from '../ops/matmul.js';
import { abs, add, fuse, mul, sub } from '../ops/pointwise.js';
import { max } from '../ops/reductions.js';
import { unsqueeze } from '../ops/reshape.js';
import { swapAxes } from '../ops/transpose.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Rule } from './rule.js';

/** Closest that two values may come, as a share of the largest, before they count as equal. */
const TIE = 2 ** -18;

/** Reverse rules of decompositions by orthogonal factors (Townsend 2016, "Differentiating the singular value decomposition"). */
export const spectralRules: { svd: Rule<'svd'>; eigh: Rule<'eigh'> } = {
  svd: (node, g) => {
    const { part, factors } = node.attrs;
    const { u, s, v } = factors;
    if (g.size === 0) return [mul(node.inputs[0], 0)];
    if (part === 's') return [matmul(mul(u, asRow(g)), v, { transB: true })];
    // With f_ij = 1 / (s_j² - s_i²) off the diagonal: da = (u (f ∘ (uᵀ du - duᵀ u)) s + (1 - u uᵀ) du / s) vᵀ, and for v
    // the same of aᵀ = v s uᵀ.
    const [own, other] = part === 'u' ? [u, v] : [v, u];
    const largest = max(s, -1, { keepDims: true });
    const inner = matmul(own, g, { transA: true });
    const skew = sub(inner, swapAxes(inner, -1, -2));
    const weights = fuse(overDifferenceOfSquares, [asColumn(s), asRow(s), asRow(largest)], 'svd');
    const within = matmul(own, mul(mul(skew, weights), asRow(s)));
    const beyond = mul(sub(g, matmul(own, inner)), fuse(over, [asRow(s), asRow(largest)], 'svd'));
    const [m, n] = [add(within, beyond), other];
    return [part === 'u' ? matmul(m, n, { transB: true }) : matmul(n, m, { transB: true })];
  },

  // With f_ij = 1 / (w_j - w_i) off the diagonal: da = q (dw + f ∘ qᵀ dq) qᵀ, symmetric part.
  eigh: (node, g) => {
    const { part, factors } = node.attrs;
    const { values: w, vectors: q } = factors;
    if (g.size === 0) return [mul(node.inputs[0], 0)];
    if (part === 'values') return [matmul(mul(q, asRow(g)), q, { transB: true })];
    const largest = max(abs(w), -1, { keepDims: true });
    const weights = fuse(overDifference, [asColumn(w), asRow(w), asRow(largest)], 'eigh');
    const inner = mul(matmul(q, g, { transA: true }), weights);
    const symmetric = mul(add(inner, swapAxes(inner, -1, -2)), 0.5);
    return [matmul(matmul(q, symmetric), q, { transB: true })];
  },
};

const asRow = (x: Tensor): Tensor => unsqueeze(x, x.rank - 1);
const asColumn = (x: Tensor): Tensor => unsqueeze(x, x.rank);

/** 1 / x, or 0 where |x| is a tie on the scale of `largest`; its derivatives are finite there too. */
const safely = (x: Expr, distance: Expr, largest: Expr): Expr => {
  const apart = apply('gt', apply('abs', distance), apply('mul', largest, constant(TIE)));
  return apply('where', apart, apply('div', constant(1), apply('where', apart, x, constant(1))), constant(0));
};
const over = (x: Expr, largest: Expr): Expr => safely(x, x, largest);
const overDifference = (a: Expr, b: Expr, largest: Expr): Expr => over(apply('sub', b, a), largest);
const overDifferenceOfSquares = (a: Expr, b: Expr, largest: Expr): Expr => {
  const difference = apply('sub', b, a);
  return safely(apply('mul', difference, apply('add', a, b)), difference, largest);
};
