import { type NmKeepSpec, nmKeepShader } from '../../shaders/sparse/nm-keep.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { strideGrid, STRIDE_WORKGROUP as workgroup } from '../ops/grid-stride.js';
import { assertDType } from '../tensor/dtype.js';
import { keep, scope } from '../tensor/scope.js';
import { assertRank, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor, tensor } from '../tensor/tensor.js';
import { patternOf } from './mask.js';
import { csrPattern, type Pattern } from './pattern.js';

/** Largest group of which N are kept. */
export const LARGEST_GROUP = 16;

/**
 * Where the nonzeros of an N:M sparse matrix [rows, cols] are: of every `m` neighbours in a row, exactly `n`. Values
 * live apart, [rows, cols / m * n], as do their columns, `indices`.
 *
 * Every row has as many entries as any other. `csr` is the same as compressed rows, with values in the same order: it
 * serves gradients and products with the transpose.
 *
 * Belongs to whoever made it, not to a scope: dispose it, or declare it with `using`.
 */
export class NmPattern {
  /** Columns of the kept elements, u32 [rows, cols / m * n], ascending within a row. */
  readonly indices: Tensor;

  /** Use `nmPatternOf`, `nmPatternOfMask` or `nmPatternFromHost`; this adopts compressed rows that are already right. */
  constructor(
    readonly n: number,
    readonly m: number,
    readonly csr: Pattern,
  ) {
    this.indices = keep(csr.byRow.across.view('NmPattern', [csr.rows, (csr.cols / m) * n]));
  }

  get device(): Device {
    return this.csr.device;
  }
  get rows(): number {
    return this.csr.rows;
  }
  get cols(): number {
    return this.csr.cols;
  }
  /** Entries of a row. */
  get length(): number {
    return (this.cols / this.m) * this.n;
  }
  /** Share of entries that are stored. */
  get density(): number {
    return this.n / this.m;
  }
  /** Bytes of the index arrays. */
  get bytes(): number {
    return this.csr.bytes;
  }
  get isDisposed(): boolean {
    return this.csr.isDisposed;
  }
  /** @throws DisposedError once the pattern has been disposed */
  assertLive(op: string): void {
    this.csr.assertLive(op);
  }
  dispose(): void {
    this.indices.dispose();
    this.csr.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  toString(): string {
    return `pattern ${this.n}:${this.m} of [${this.rows}, ${this.cols}]`;
  }
}

/** Kept columns on the host. */
export interface HostNm {
  rows: number;
  cols: number;
  n: number;
  m: number;
  /** [rows, cols / m * n]: for each group of m columns in turn its n kept ones, ascending, as columns of the matrix. */
  indices: ArrayLike<number>;
}

/**
 * An N:M pattern from kept columns on the host.
 *
 * @throws ArgumentError for n, m or cols that do not fit, or columns outside their group, unsorted or double; nothing is
 * allocated then
 */
export function nmPatternFromHost(device: Device, { rows, cols, n, m, indices }: HostNm): NmPattern {
  const op = 'nmPatternFromHost';
  checkGroups(op, rows, cols, n, m);
  const length = (cols / m) * n;
  if (indices.length !== rows * length) throw new ArgumentError(op, `${rows} x ${length} indices`, `${indices.length}`);
  for (let i = 0; i < indices.length; i++) {
    const [row, group] = [Math.floor(i / length), Math.floor((i % length) / n)];
    const c = indices[i];
    const where = `${c} at row ${row}, entry ${i % length}`;
    if (!Number.isInteger(c) || c < group * m || c >= (group + 1) * m)
      throw new ArgumentError(op, `columns of group ${group} in [${group * m}, ${(group + 1) * m})`, where);
    if (i % n > 0 && indices[i - 1] >= c)
      throw new ArgumentError(op, 'columns ascending within each group', `${indices[i - 1]} before ${where}`);
  }
  const offsets = Array.from({ length: rows + 1 }, (_, r) => r * length);
  return new NmPattern(n, m, csrPattern(device, { rows, cols, offsets, columns: indices }));
}

const kernel = defineKernel<NmKeepSpec>({ name: 'n:m keep', shader: nmKeepShader });

/**
 * Of every m neighbours in a row the n of greatest magnitude; ties go to the least column. Built on the device, waiting
 * for it once or twice.
 *
 * @param weights f32 [rows, cols]
 * @throws ArgumentError for n, m or cols that do not fit, or a NaN
 */
export async function nmPatternOf(weights: Tensor, n: number, m: number): Promise<NmPattern> {
  const op = 'nmPatternOf';
  assertDType(op, 'weights', weights.dtype, 'f32');
  return build(op, 'magnitude', weights, n, m, (at) => `NaN at element ${at}`);
}

/**
 * The n:m pattern that holds what a mask keeps. Groups of which it keeps fewer than n are filled up with their first
 * other elements: a pattern always has n of each, and values there count like any others.
 *
 * @param mask [rows, cols], bool, f32, i32 or u32
 * @throws ArgumentError for n, m or cols that do not fit, or a group of which the mask keeps more than n
 */
export async function nmPatternOfMask(mask: Tensor, n: number, m: number): Promise<NmPattern> {
  const op = 'nmPatternOfMask';
  assertDType(op, 'the mask', mask.dtype, 'bool', 'f32', 'i32', 'u32');
  return build(op, 'mask', mask, n, m, (at, cols) => {
    const row = Math.floor(at / cols);
    return `more than ${n} in row ${row}, columns ${at % cols} to ${(at % cols) + m - 1}`;
  });
}

async function build(
  op: string,
  by: NmKeepSpec['by'],
  x: Tensor,
  n: number,
  m: number,
  complaint: (at: number, cols: number) => string,
): Promise<NmPattern> {
  const device = commonDevice(op, [x]);
  assertRank(op, by === 'mask' ? 'the mask' : 'weights', x.shape, 2, 2);
  const [rows, cols] = x.shape;
  checkGroups(op, rows, cols, n, m);
  const { kept, census } = scope(() => {
    const census = keep(tensor(device, [NOTHING], { dtype: 'u32' }));
    const kept = keep(Tensor.empty(op, device, 'bool', [rows, cols]));
    const count = x.size / m;
    device.run(
      kernel,
      { by, workgroup },
      {
        bindings: [x, kept, census].map((t) => t.binding(op)),
        params: [count, n, m, x.dtype === 'f32' ? 1 : 0],
        grid: count > 0 ? strideGrid(device, count) : [0, 1, 1],
        cost: { flops: x.size * n, bytes: x.bytes + kept.bytes },
      },
    );
    return { kept, census };
  });
  try {
    const [bad] = await census.data();
    if (bad !== NOTHING) {
      const expected = by === 'mask' ? `at most ${n} of every ${m} neighbours` : 'weights that can be ranked';
      throw new ArgumentError(op, expected, complaint(bad, cols));
    }
    return new NmPattern(n, m, await patternOf(kept));
  } finally {
    kept.dispose();
    census.dispose();
  }
}

const NOTHING = 0xffffffff;

function checkGroups(op: string, rows: number, cols: number, n: number, m: number): void {
  if (!Number.isInteger(m) || m < 1 || m > LARGEST_GROUP)
    throw new ArgumentError(op, `groups of 1 to ${LARGEST_GROUP}`, String(m));
  if (!Number.isInteger(n) || n < 1 || n > m) throw new ArgumentError(op, `1 to ${m} kept of ${m}`, String(n));
  for (const size of [rows, cols])
    if (!Number.isInteger(size) || size < 0) throw new ArgumentError(op, 'whole sizes', showShape([rows, cols]));
  if (cols % m !== 0) throw new ShapeError(op, `columns divisible by groups of ${m}`, showShape([rows, cols]));
}
