import type { Device } from '../src/gpu/device.js';
import { scope } from '../src/tensor/scope.js';
import type { Tensor } from '../src/tensor/tensor.js';
import type { Candidate, Case, Check, Family, HostMatrix } from './case.js';
import { deviceWork, resultOf } from './device-work.js';
import { uniform } from './peers/lib/random.mjs';
import { DENSE, matrixOf, PLAIN, SEED, type SparseProblem, sparseProblems } from './sparse-problems.js';

/** v[p] = sum over n of X[row of p, n] Y[column of p, n] at the entries p of a pattern [m, k]; X [m, n], Y [k, n]. */
export interface SddmmInput {
  m: number;
  k: number;
  n: number;
  matrix: HostMatrix;
  x: Float32Array;
  y: Float32Array;
}

/** One way to do it, set up for one input. */
export interface SddmmWork {
  /** Encodes one call and returns the values, or the dense product [m, k] that they are part of. */
  run(): Tensor;
  /** Entries that it computes, if not those of the pattern. */
  computed?: number;
  /** Bytes that it reads and writes of the sparse side, if not 4 for each value and 4 for its column. */
  bytes?: number;
  facts?: Record<string, unknown>;
  dispose(): void;
}

/** A candidate for every case of the suite `sddmm`. */
export interface SddmmVariant {
  name: string;
  kind?: Candidate['kind'];
  prepare(device: Device, input: SddmmInput): SddmmWork | Promise<SddmmWork>;
}

/** The family of a variant: one candidate beside the others in every case. */
export function sddmmVariant(variant: SddmmVariant): Family {
  return (context) =>
    sparseProblems(context).map(
      (problem): Case => ({
        name: problem.name,
        point: problem.point,
        reference: DENSE,
        candidates: [candidate(context.device, variant, problem)],
      }),
    );
}

function candidate(device: Device, variant: SddmmVariant, problem: SparseProblem): Candidate {
  return {
    name: variant.name,
    kind: variant.kind ?? 'variant',
    async prepare() {
      const { m, k, n } = problem;
      const matrix = matrixOf(problem, PLAIN);
      const input = { m, k, n, matrix, x: uniform(m * n, -1, 1, SEED, 2), y: uniform(k * n, -1, 1, SEED, 3) };
      const work = await variant.prepare(device, input);
      try {
        const result = await resultOf(() => work.run());
        const computed = work.computed ?? matrix.columns.length;
        return deviceWork(device, {
          call: () => scope(() => void work.run()),
          check: checkSddmm(input, result),
          cost: { flops: 2 * computed * n, bytes: (work.bytes ?? 8 * computed) + 4 * (m * n + k * n) },
          facts: { nonzeros: matrix.columns.length, ...work.facts },
          dispose: work.dispose,
        });
      } catch (error) {
        work.dispose();
        throw error;
      }
    },
  };
}

/** Largest error of a value, relative to the sum of the absolute values of its products. */
const TOLERANCE = 1e-5;
const CHECKED = 1000;

/** Both ends of the entries and a walk between them, in a result of the entries alone or of the whole product. */
export function checkSddmm({ m, k, n, matrix, x, y }: SddmmInput, result: ArrayLike<number>): Check {
  const nnz = matrix.columns.length;
  let worst = result.length === nnz || result.length === m * k ? 0 : Number.NaN;
  for (let s = 0; s < Math.min(CHECKED, nnz); s++) {
    const p = s === 1 ? nnz - 1 : (s * 104_729) % nnz;
    const [row, col] = [rowOf(matrix.offsets, p), matrix.columns[p]];
    let sum = 0;
    let size = 0;
    for (let i = 0; i < n; i++) {
      const product = x[row * n + i] * y[col * n + i];
      sum += product;
      size += Math.abs(product);
    }
    const found = result[result.length === nnz ? p : row * k + col];
    worst = Math.max(worst, Math.abs(found - sum) / size); // NaN stays
  }
  return { what: 'sampled product, against float64', error: worst, tolerance: TOLERANCE };
}

/** The row whose range of entries holds `p`. */
function rowOf(offsets: Uint32Array, p: number): number {
  let [low, high] = [0, offsets.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (offsets[middle] <= p) low = middle;
    else high = middle;
  }
  return low;
}
