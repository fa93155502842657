import type { Device } from '../src/gpu/device.js';
import { scope } from '../src/tensor/scope.js';
import type { Tensor } from '../src/tensor/tensor.js';
import type { Candidate, Case, Check, Family, HostMatrix, SuiteContext } from './case.js';
import { deviceWork, resultOf } from './device-work.js';
import type { Structure } from './patterns.js';
import { uniform } from './peers/lib/random.mjs';
import {
  DENSE,
  matrixOf,
  PLAIN,
  SEED,
  type SparseProblem,
  sparseProblems,
  structureLabel,
  valuesOf,
} from './sparse-problems.js';

/** C [m, n] = S [m, k] B [k, n], all float32, B and C row-major. */
export interface SpmmInput {
  m: number;
  k: number;
  n: number;
  /** Where S has entries, and their values. */
  matrix: HostMatrix;
  values: Float32Array;
  b: Float32Array;
}

/** One way to multiply, set up for one input. */
export interface SpmmWork {
  /** Encodes one product and returns C; what else it makes, it frees. */
  run(): Tensor;
  /** Entries of S that it multiplies, if not those of the pattern: all of them for a dense product. */
  multiplied?: number;
  /** Bytes of S that it reads, if not 4 for each such entry and 4 for its column. */
  bytes?: number;
  facts?: Record<string, unknown>;
  dispose(): void;
}

/** A way to multiply, for every case of a suite. */
export interface SpmmVariant {
  name: string;
  /** `engine`: what users get; `variant` if left out. */
  kind?: Candidate['kind'];
  /**
   * The structure that this form needs of generated matrices, by sparsity, where that is not the case's own; null
   * where there is none. The candidate's name then says so. Matrices from files are always taken as they are.
   */
  structure?(sparsity: number): Structure | null;
  /** Whether matrices from files can be done; true if left out. */
  anyMatrix?: boolean;
  prepare(device: Device, input: SpmmInput): SpmmWork | Promise<SpmmWork>;
}

/** The family of a variant: one candidate beside the others in every case of a suite, which is `spmm` if left out. */
export function spmmVariant(
  variant: SpmmVariant,
  problems: (context: SuiteContext) => SparseProblem[] = sparseProblems,
): Family {
  return (context) =>
    problems(context).flatMap((problem): Case[] => {
      const own = variant.structure?.(problem.point.sparsity);
      if (problem.file ? variant.anyMatrix === false : own === null) return [];
      const structure = own ?? problem.structure ?? PLAIN;
      const name = own && !problem.file ? `${variant.name}${structureLabel(own)}` : variant.name;
      return [
        {
          name: problem.name,
          point: problem.point,
          reference: DENSE,
          candidates: [candidate(context.device, { ...variant, name }, problem, structure)],
          peer: problem.structure ? undefined : peerWork(problem),
        },
      ];
    });
}

function peerWork({ m, k, n, point, file }: SparseProblem): Case['peer'] {
  return { case: 'spmm', params: file ? { file: file.path, n } : { m, k, n, sparsity: point.sparsity } };
}

function candidate(device: Device, variant: SpmmVariant, problem: SparseProblem, structure: Structure): Candidate {
  return {
    name: variant.name,
    kind: variant.kind ?? 'variant',
    async prepare() {
      const { m, k, n } = problem;
      const matrix = matrixOf(problem, structure);
      const values = valuesOf(matrix);
      const b = uniform(k * n, -1, 1, SEED, 2);
      const work = await variant.prepare(device, { m, k, n, matrix, values, b });
      try {
        const result = await resultOf(() => work.run());
        const multiplied = work.multiplied ?? matrix.columns.length;
        return deviceWork(device, {
          call: () => scope(() => void work.run()),
          check: checkSpmm({ m, k, n, matrix, values, b }, result),
          cost: { flops: 2 * multiplied * n, bytes: (work.bytes ?? 8 * multiplied) + 4 * (k * n + m * n) },
          // As the peers do.
          waitEach: true,
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

/** Largest error of an element, relative to the sum of the absolute values of its products. */
const TOLERANCE = 1e-5;
const CHECKED = 2000;

/** Both corners of C, then a walk that visits rows and columns evenly. Elements of empty rows must be 0. */
export function checkSpmm({ m, n, matrix, values, b }: SpmmInput, c: ArrayLike<number>): Check {
  let worst = c.length === m * n ? 0 : Number.NaN;
  for (let s = 0; s < Math.min(CHECKED, m * n); s++) {
    const row = s === 1 ? m - 1 : (s * 7919) % m;
    const col = s === 1 ? n - 1 : (s * 104_729 + (s >> 3)) % n;
    let sum = 0;
    let size = 0;
    for (let p = matrix.offsets[row]; p < matrix.offsets[row + 1]; p++) {
      const product = values[p] * b[matrix.columns[p] * n + col];
      sum += product;
      size += Math.abs(product);
    }
    const error = Math.abs(c[row * n + col] - sum);
    worst = Math.max(worst, size === 0 ? error : error / size); // NaN stays
  }
  return { what: 'sparse product, against float64', error: worst, tolerance: TOLERANCE };
}
