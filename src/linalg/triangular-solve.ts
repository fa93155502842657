import { TRIANGLE, type TriangularSolveSpec, triangularSolveShader } from '../../shaders/linalg/triangular-block.js';
import { record, withRecording } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { composite } from '../ops/composite.js';
import { expand } from '../ops/expand.js';
import { matmul } from '../ops/matmul.js';
import { sub } from '../ops/pointwise.js';
import { reshape } from '../ops/reshape.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { assertRank, broadcastShapes, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { block, halfOf, type Range, rowsOf } from './blocks.js';

export interface TriangularSolveAttrs {
  lower: boolean;
  transA: boolean;
  unitDiagonal: boolean;
}

export interface TriangularSolveOptions {
  /** a is lower triangular (default true); what lies in its other triangle is not read. */
  lower?: boolean;
  /** Solve aᵀ x = b. */
  transA?: boolean;
  /** Take the diagonal of a as ones, without reading it. */
  unitDiagonal?: boolean;
}

const kernel = defineKernel<TriangularSolveSpec>({ name: 'triangular solve', shader: triangularSolveShader });

/**
 * x with a x = b (or aᵀ x = b) for triangular a: a [..., n, n], b and x [..., n, k]; leading axes broadcast. f32, by
 * substitution: (a + da) x = b for some |da| of rounding size. A zero on the diagonal gives infinities or NaN.
 * Differentiable to any order in a's triangle and in b.
 *
 * @throws ShapeError unless a is square and b has its rows
 * @throws DTypeError unless both are f32
 */
export function triangularSolve(a: Tensor, b: Tensor, options: TriangularSolveOptions = {}): Tensor {
  const op = 'triangularSolve';
  commonDevice(op, [a, b]);
  assertSystem(op, a, b, true);
  const { lower = true, transA = false, unitDiagonal = false } = options;
  const attrs: TriangularSolveAttrs = { lower, transA, unitDiagonal };
  const lead = broadcastShapes(op, a.shape.slice(0, -2), b.shape.slice(0, -2));
  return composite([a, b], () => {
    const whole = (t: Tensor) => {
      const shape = [...lead, ...t.shape.slice(-2)];
      return sameShape(t.shape, shape) ? t : expand(t, shape);
    };
    const inputs = [whole(a), whole(b)];
    const x = withRecording(false, () => scope(() => solveWhole(inputs[0], inputs[1], attrs)));
    return record('triangularSolve', attrs, inputs, x);
  });
}

/** Checks a linear system a x = b: f32 matrices whose rows agree, a square where it must be. */
export function assertSystem(op: string, a: Tensor, b: Tensor, square: boolean): void {
  assertDType(op, 'a', a.dtype, 'f32');
  assertDType(op, 'b', b.dtype, 'f32');
  assertRank(op, 'a', a.shape, 2);
  assertRank(op, 'b', b.shape, 2);
  const [m, n] = a.shape.slice(-2);
  if (square && m !== n) throw new ShapeError(op, 'square matrices a', showShape(a.shape));
  if (b.shape[b.rank - 2] !== m) throw new ShapeError(op, `b with the ${m} rows of a`, showShape(b.shape));
}

function solveWhole(a: Tensor, b: Tensor, attrs: TriangularSolveAttrs): Tensor {
  const flat = (t: Tensor) => reshape(t, [sizeOf(t.shape.slice(0, -2)), ...t.shape.slice(-2)]);
  return reshape(solveTriangle(flat(a), 0, flat(b), attrs), b.shape);
}

/**
 * x [matrices, n, k] for the n x n triangle of a [matrices, size, size] whose first row and column is `origin`. Not
 * recorded.
 */
export function solveTriangle(a: Tensor, origin: number, b: Tensor, attrs: TriangularSolveAttrs): Tensor {
  const x = Tensor.empty('triangularSolve', b.device, 'f32', b.shape);
  if (x.size > 0) scope(() => solveBlocks({ a, origin, x, attrs }, 0, b));
  return x;
}

interface System {
  a: Tensor;
  origin: number;
  x: Tensor;
  attrs: TriangularSolveAttrs;
}

/** Writes the unknowns from row `at` of x on: one half, then the other without what the first explains. */
function solveBlocks(system: System, at: number, b: Tensor): void {
  const { a, origin, x, attrs } = system;
  const n = b.shape[1];
  if (n <= TRIANGLE) {
    launch(system, at, b);
    return;
  }
  const half = halfOf(n, TRIANGLE);
  const ranges: Range[] = [
    [0, half],
    [half, n],
  ];
  const { lower, transA } = attrs;
  const [first, second] = lower !== transA ? ranges : [ranges[1], ranges[0]];
  const shifted = ([from, to]: Range, by: number): Range => [from + by, to + by];
  solveBlocks(system, at + first[0], rowsOf(b, first));
  // Coefficients of the first unknowns in the second's equations; with transA they lie across the diagonal.
  const [rows, columns] = [transA ? first : second, transA ? second : first];
  const beside = block(a, shifted(rows, origin + at), shifted(columns, origin + at));
  const known = matmul(beside, rowsOf(x, shifted(first, at)), { transA });
  solveBlocks(system, at + second[0], sub(rowsOf(b, second), known));
}

function launch({ a, origin, x, attrs }: System, at: number, b: Tensor): void {
  const op = 'triangularSolve';
  const { device } = b;
  const { lower, transA, unitDiagonal } = attrs;
  const [matrices, n, k] = b.shape;
  const size = a.shape[1];
  const lanes = k % 4 === 0 ? 4 : 1;
  const workgroup = device.deviceClass === 'software' ? 8 : 64;
  const columns = k / lanes;
  const slabs = Math.ceil(columns / workgroup);
  const units = matrices * slabs;
  const steps = transA ? [1, size] : [size, 1];
  device.run(
    kernel,
    { unitDiagonal, lanes, workgroup },
    {
      bindings: [a, b, x].map((t) => t.binding(op)),
      params: [
        ...[units, slabs, n, size * size, (origin + at) * (size + 1), ...steps],
        ...[lower === transA ? 1 : 0, columns, x.shape[1] * columns, at * columns],
      ],
      grid: foldGrid(units, device.limits.maxWorkgroups),
      cost: { flops: n * b.size, bytes: 4 * matrices * n * n + 2 * b.bytes },
    },
  );
}
