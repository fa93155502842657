import { blockFlagsShader } from '../../shaders/sparse/block-elements.js';
import type { BlockSize } from '../../shaders/sparse/block-spec.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, LimitError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { strideGrid, STRIDE_WORKGROUP as workgroup } from '../ops/grid-stride.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { buildLines } from './build.js';
import { checkCsr, csrPattern, type HostCsr, type Lines, Pattern } from './pattern.js';

export type { BlockSize };

/** Edges of blocks that there are kernels for. */
export const BLOCK_SIZES: readonly BlockSize[] = [4, 8, 16, 32];

/**
 * Where the nonzero blocks of a matrix [rows, cols] are: a pattern over the grid of its blocks (BSR). Values live apart,
 * [blocks, block, block]: the blocks in row order of the grid, each row-major.
 *
 * Belongs to whoever made it, not to a scope: dispose it, or declare it with `using`.
 */
export class BlockPattern {
  /** Use `blockPatternOf`, `blockPatternOfGrid` or `blockPatternFromHost`; this adopts a pattern over a grid. */
  constructor(
    readonly block: BlockSize,
    readonly grid: Pattern,
  ) {
    if (grid.parts !== 1) throw new ArgumentError('BlockPattern', 'a grid of one part', `${grid.parts}`);
  }

  get device(): Device {
    return this.grid.device;
  }
  get rows(): number {
    return this.grid.rows * this.block;
  }
  get cols(): number {
    return this.grid.cols * this.block;
  }
  /** Number of blocks. */
  get blocks(): number {
    return this.grid.nnz;
  }
  /** The blocks by block row, and by block column. */
  get byRow(): Lines {
    return this.grid.byRow;
  }
  get byColumn(): Lines {
    return this.grid.byColumn;
  }
  /** Share of entries that are stored. 0 for an empty matrix. */
  get density(): number {
    return this.grid.density;
  }
  /** Bytes of the index arrays. */
  get bytes(): number {
    return this.grid.bytes;
  }
  get isDisposed(): boolean {
    return this.grid.isDisposed;
  }
  /** @throws DisposedError once the pattern has been disposed */
  assertLive(op: string): void {
    this.grid.assertLive(op);
  }
  dispose(): void {
    this.grid.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
  toString(): string {
    return `pattern [${this.rows}, ${this.cols}] with ${this.blocks} blocks of ${this.block} x ${this.block}`;
  }
}

/** Block rows on the host (SciPy's BSR): offsets and columns count blocks. */
export interface HostBlocks {
  rows: number;
  cols: number;
  block: number;
  /** [rows / block + 1], from 0 to the number of blocks, never falling. */
  offsets: ArrayLike<number>;
  /** [blocks], ascending within a block row. */
  columns: ArrayLike<number>;
}

/**
 * A block pattern from compressed block rows on the host.
 *
 * @throws ShapeError for rows or columns that blocks do not divide
 * @throws ArgumentError for offsets that fall or do not span the columns, a block out of range, or blocks that are
 * unsorted or double within a row; nothing is allocated then
 */
export function blockPatternFromHost(device: Device, host: HostBlocks): BlockPattern {
  const op = 'blockPatternFromHost';
  const block = checkBlock(op, host.block, host.rows, host.cols);
  const grid: HostCsr = {
    rows: host.rows / block,
    cols: host.cols / block,
    offsets: host.offsets,
    columns: host.columns,
  };
  checkCsr(op, grid);
  return new BlockPattern(block, csrPattern(device, grid));
}

const flagsKernel = defineKernel<{ float: boolean; workgroup: number }>({
  name: 'block flags',
  shader: blockFlagsShader,
});

/**
 * The blocks of a mask, or of weights, in which any element is not 0; built on the device, waiting for it once.
 *
 * @param mask [rows, cols], bool, f32, i32 or u32
 * @throws ShapeError for rows or columns that blocks do not divide
 * @throws ArgumentError for a NaN, naming its block by position in the grid
 */
export async function blockPatternOf(mask: Tensor, block: number): Promise<BlockPattern> {
  const op = 'blockPatternOf';
  const device = commonDevice(op, [mask]);
  assertDType(op, 'the mask', mask.dtype, 'bool', 'f32', 'i32', 'u32');
  assertRank(op, 'the mask', mask.shape, 2, 2);
  const [rows, cols] = mask.shape;
  const size = checkBlock(op, block, rows, cols);
  const grid = Tensor.empty(op, device, mask.dtype === 'f32' ? 'f32' : 'bool', [rows / size, cols / size]);
  try {
    if (grid.size > 0) {
      device.run(
        flagsKernel,
        { float: mask.dtype === 'f32', workgroup },
        {
          bindings: [mask.binding(op), grid.binding(op)],
          params: [grid.size, cols / size, size],
          grid: strideGrid(device, grid.size),
          cost: { flops: 0, bytes: mask.bytes + grid.bytes },
        },
      );
    }
    return await fromGrid(`${op}, over the grid of blocks`, grid, size);
  } finally {
    grid.dispose();
  }
}

/**
 * The block pattern of a mask over the grid of blocks; built on the device, waiting for it once.
 *
 * @param mask [rows / block, cols / block], true where a block is kept
 * @throws ArgumentError for an edge without kernels, or a NaN
 */
export async function blockPatternOfGrid(mask: Tensor, block: number): Promise<BlockPattern> {
  const op = 'blockPatternOfGrid';
  assertRank(op, 'the mask', mask.shape, 2, 2);
  const size = checkBlock(op, block, mask.shape[0] * block, mask.shape[1] * block);
  commonDevice(op, [mask]);
  return fromGrid(op, mask, size);
}

async function fromGrid(op: string, mask: Tensor, block: BlockSize): Promise<BlockPattern> {
  const [rows, cols] = mask.shape;
  const matrix = mask.view(op, [1, rows, cols]);
  try {
    const { nnz, byRow, byColumn } = await buildLines(op, matrix);
    return new BlockPattern(block, new Pattern(1, rows, cols, nnz, byRow, byColumn));
  } finally {
    matrix.dispose();
  }
}

function checkBlock(op: string, block: number, rows: number, cols: number): BlockSize {
  const size = BLOCK_SIZES.find((b) => b === block);
  if (size === undefined) throw new ArgumentError(op, `blocks of ${BLOCK_SIZES.join(', ')}`, String(block));
  if (rows % size !== 0 || cols % size !== 0) {
    throw new ShapeError(op, `rows and columns divisible by blocks of ${size}`, showShape([rows, cols]));
  }
  if (rows * cols >= 2 ** 32) throw new LimitError(op, 'the number of elements', 2 ** 32 - 1, rows * cols);
  return size;
}
