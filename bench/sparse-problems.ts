import type { HostMatrix, MatrixFile, Point, SuiteContext } from './case.js';
import { productSizes, sparsities } from './grids.js';
import { generated, type Structure } from './patterns.js';
import { uniform } from './peers/lib/random.mjs';
import { percent } from './rates.js';

/** Work on a sparse matrix S [m, k] and dense ones with n columns: of one size and sparsity, or of a given file. */
export interface SparseProblem {
  /** Name of the case. */
  name: string;
  point: Point;
  m: number;
  k: number;
  n: number;
  /** Of generated matrices: plain random ones if left out. */
  structure?: Structure;
  file?: MatrixFile;
}

export const PLAIN: Structure = { kind: 'random' };

export const SEED = 1;
/** The name of the candidate that ratios and break-evens of sparse forms refer to. */
export const DENSE = 'dense';

/** The grid of a suite of products: the matrices given on the command line, else generated ones. */
export function sparseProblems(
  context: SuiteContext,
  shares = sparsities(context.quick),
  sizes = productSizes(context.device, context.quick),
): SparseProblem[] {
  if (context.matrices && context.matrices.length > 0)
    return context.matrices.map((file) => fromFile(file, context.columns ?? 256));
  return sizes.flatMap(({ name, m, k, n }) => {
    const group = `${name} (${m}x${k}x${n})`;
    return shares.map((sparsity) => ({ name: `${group}, ${percent(sparsity)}`, point: { group, sparsity }, m, k, n }));
  });
}

function fromFile(file: MatrixFile, n: number): SparseProblem {
  const { rows: m, cols: k, nnz } = file;
  const sparsity = m * k === 0 ? 0 : 1 - nnz / (m * k);
  const size = `${m}x${k}x${n}`;
  return { name: `${file.name} (${size}), ${percent(sparsity)}`, point: { group: size, sparsity }, m, k, n, file };
}

const fewSizes = ({ device }: SuiteContext) => productSizes(device, true);

/** Generated matrices of a few sizes whose nonzeros lie in blocks, for each of the given edges. */
export const blockProblems =
  (edges: readonly number[]) =>
  (context: SuiteContext): SparseProblem[] =>
    edges.flatMap((block) =>
      sparseProblems({ ...context, matrices: [] }, sparsities(context.quick), fewSizes(context)).map((p) => {
        const point = { ...p.point, group: `${p.point.group}, blocks of ${block}` };
        return { ...p, name: `${p.name}, blocks of ${block}`, point, structure: { kind: 'block', block } };
      }),
    );

/** Generated matrices of a few sizes with n of every m entries along a row. */
export const nmProblems =
  (patterns: readonly { n: number; m: number }[]) =>
  (context: SuiteContext): SparseProblem[] =>
    patterns.flatMap(({ n, m }) =>
      sparseProblems({ ...context, matrices: [] }, [1 - n / m], fewSizes(context)).map((p) => ({
        ...p,
        name: `${p.point.group}, ${n}:${m}`,
        structure: { kind: 'nm', n, m },
      })),
    );

/** The last few matrices, since the candidates of a case ask for the same one after the other. */
const recent = new Map<string, HostMatrix>();
const KEPT = 3;

/** The problem's matrix: the file's as it is, or generated with the structure. */
export function matrixOf({ m, k, point, file }: SparseProblem, structure: Structure): HostMatrix {
  const key = JSON.stringify(file ? file.path : [m, k, point.sparsity, structure]);
  const known = recent.get(key);
  if (known) return known;
  const made = file ? file.read() : generated(m, k, point.sparsity, structure, SEED);
  recent.set(key, made);
  for (const old of [...recent.keys()].slice(0, -KEPT)) recent.delete(old);
  return made;
}

/** Values of a matrix: the file's, else seeded ones in [-1, 1). */
export const valuesOf = (matrix: HostMatrix): Float32Array =>
  matrix.values ?? uniform(matrix.columns.length, -1, 1, SEED, 1);

/** What a candidate's name says where its matrix is not that of the case. */
export function structureLabel(structure: Structure): string {
  if (structure.kind === 'random') return '';
  return structure.kind === 'block' ? ', block pattern' : ', own pattern';
}
