import type { Device } from '../src/gpu/device.js';
import type { Cost } from '../src/gpu/kernel.js';
import type { CsrMatrix } from '../src/sparse/files/csr-matrix.js';

/** A result held against a float64 reference: the largest error found, and the largest allowed. */
export interface Check {
  what: string;
  error: number;
  tolerance: number;
}

/** GPU time of the dispatches of one kernel in one call. */
export interface KernelTime {
  kernel: string;
  dispatches: number;
  ms: number;
}

/** A candidate that is set up, warm and verified, ready to be sampled. */
export interface Prepared {
  check: Check;
  /** Work of one call: floating-point operations, and the bytes that it must move at the least. */
  cost?: Cost;
  /** Makes `calls` calls, waits for the device, and returns the wall time of one call in ms. */
  sample(calls: number): Promise<number>;
  /** GPU time of one call, by kernel, from timestamps. */
  profile?(): Promise<KernelTime[]>;
  /** What else is worth a line in the result file. */
  facts?: Record<string, unknown>;
  dispose(): void | Promise<void>;
}

/** One way of doing a case's work. */
export interface Candidate {
  name: string;
  /** `engine`: what users get, and what ratios refer to; `variant`: another kernel or setting; `peer`: another library. */
  kind: 'engine' | 'variant' | 'peer';
  prepare(): Promise<Prepared>;
}

/** One piece of work, done by several candidates in turn. */
export interface Case {
  name: string;
  candidates: Candidate[];
  /** Unit of printed and exported times; samples are in ms. */
  unit?: 'ms' | 'us';
  /**
   * The same work on the peers, by their own names. `items`: what its time grows with at the least; a peer that would
   * take minutes, going by a smaller case of the name, is left out.
   */
  peer?: { case: string; params: Record<string, number | string>; items?: number };
  /** Where the case stands in the suite's crossover charts; candidates then appear as lines over sparsity. */
  point?: Point;
  /** Name of the candidate that ratios and charts refer to; the engine's if left out. */
  reference?: string;
  /** Calls are batched until a sample takes this long, in ms; 0 for candidates that batch and warm up by themselves. Default 10. */
  minSampleMs?: number;
  /** Left out of quick runs. */
  long?: boolean;
  /** Fewest samples, also where they exceed the budget of time. Default 3. */
  least?: number;
}

/** A case's place in a grid of sparsities. */
export interface Point {
  /** Cases of one size, and of one chart. */
  group: string;
  /** Share of weights that are zero, in [0, 1). */
  sparsity: number;
}

/** What every file in a suite's folder exports by default. */
export type Family = (context: SuiteContext) => Case[];

/** What families build their cases from. */
export interface SuiteContext {
  device: Device;
  quick: boolean;
  /** Whether peers take part; a family that starts its own asks here. */
  peers: boolean;
  /** Matrices named on the command line; where there are any, they replace the sizes and sparsities of the suite. */
  matrices?: readonly MatrixFile[];
  /** Columns of the dense operand of products with those matrices. */
  columns?: number;
}

/** A sparse matrix in a file, known by its header. */
export interface MatrixFile {
  /** Path below the argument that named it. */
  name: string;
  rows: number;
  cols: number;
  nnz: number;
  path: string;
  /** Reads it. */
  read(): HostMatrix;
}

/** Compressed rows on the host; `values` where a file has them. */
export type HostMatrix = CsrMatrix;

/** A candidate that cannot or should not run here; the table says why, and nothing has failed. */
export class Skipped extends Error {
  override name = 'Skipped';
}

/** Joins cases of one name: a file may add candidates to a case that another file declares. */
export function mergeCases(cases: readonly Case[]): Case[] {
  const merged = new Map<string, Case>();
  for (const c of cases) {
    const first = merged.get(c.name);
    merged.set(c.name, first ? { ...c, ...first, candidates: [...first.candidates, ...c.candidates] } : c);
  }
  return [...merged.values()];
}
