import { triangularSolve } from '../linalg/triangular-solve.js';
import { tril, triu } from '../ops/create.js';
import { matmul } from '../ops/matmul.js';
import { add, mul, neg, sub } from '../ops/pointwise.js';
import { pad, slice } from '../ops/slice.js';
import { transpose } from '../ops/transpose.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Rule } from './rule.js';

type Rules = 'cholesky' | 'pinv' | 'qr' | 'qrTriangle' | 'triangularSolve';

/** Reverse rules of factorisations (Seeger et al. 2017, "Auto-differentiating linear algebra"; Murray 2016). */
export const linalgRules: { [K in Rules]: Rule<K> } = {
  // da = (dq - q copyltu(dqᵀ q)) r^-T for the square or tall part that q comes of; copyltu mirrors the lower triangle.
  qr: (node, g, { output: q }) => {
    const [a] = node.inputs;
    const [m, n] = a.shape.slice(-2);
    const k = q.shape[q.rank - 1];
    if (a.size === 0) return [mul(a, 0)];
    const lead = a.shape.slice(0, -2).map(() => null);
    const part = n > k ? slice(a, [...lead, 0, 0], [...lead, m, k]) : a;
    const r = triu(matmul(q, part, { transA: true }));
    const inner = matmul(g, q, { transA: true });
    const mirrored = add(tril(inner), transpose(tril(inner, -1)));
    const numerator = sub(g, matmul(q, mirrored));
    const da = transpose(triangularSolve(r, transpose(numerator), { lower: false }));
    return [n > k ? pad(da, [...lead.map(() => [0, 0] as const), [0, 0], [0, n - k]]) : da];
  },

  // r = triu(qᵀ a), whatever computed it.
  qrTriangle: (node, g, { needs }) => {
    const [q, a] = node.inputs;
    const upper = triu(g);
    return [needs[0] ? matmul(a, upper, { transB: true }) : null, needs[1] ? matmul(q, upper) : null];
  },

  // With s = l^-T phi(lᵀ dl) l^-1 and phi halving the diagonal of the lower triangle, symmetric da would be
  // (s + sᵀ) / 2; what the unread upper triangle would get counts below.
  cholesky: (node, g, { output: l }) => {
    if (l.size === 0) return [mul(node.inputs[0], 0)];
    const phi = halvedDiagonal(matmul(l, tril(g), { transA: true }));
    const left = triangularSolve(l, phi, { transA: true });
    const s = triangularSolve(l, transpose(left), { transA: true });
    return [halvedDiagonal(add(s, transpose(s)))];
  },

  // With y = dpᵀ: da = (y - a p y) p pᵀ + pᵀ p (y - y p a) - pᵀ yᵀ pᵀ (Golub and Pereyra 1973), by n x n products.
  pinv: (node, g, { output: p }) => {
    const [a] = node.inputs;
    const y = transpose(g);
    const inner = matmul(g, p, { transB: true });
    const beyondColumns = sub(y, matmul(a, matmul(p, y)));
    const beyondRows = sub(y, matmul(y, matmul(p, a)));
    const left = matmul(p, sub(matmul(p, beyondRows), inner), { transA: true });
    return [add(left, matmul(beyondColumns, matmul(p, p, { transB: true })))];
  },

  // db = a^-T dx and da = -db xᵀ in a's triangle, for aᵀ x = b the transpose of that.
  triangularSolve: (node, g, { output: x, needs }) => {
    const [a] = node.inputs;
    const { lower, transA, unitDiagonal } = node.attrs;
    const db = triangularSolve(a, g, { lower, transA: !transA, unitDiagonal });
    if (!needs[0]) return [null, db];
    const product = neg(transA ? matmul(x, db, { transB: true }) : matmul(db, x, { transB: true }));
    const beyond = unitDiagonal ? 1 : 0;
    return [lower ? tril(product, -beyond) : triu(product, beyond), needs[1] ? db : null];
  },
};

/** The lower triangle of x with half its diagonal. */
const halvedDiagonal = (x: Tensor): Tensor => mul(add(tril(x), tril(x, -1)), 0.5);
