import { TILE, type TransposeSpec, transposeShader } from '../../shaders/slice.js';
import { record } from '../autograd/node.js';
import { ArgumentError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { axisOf, showShape, stridesOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { type CopyAxis, launchCopy, mergeCopyAxes, movedAs } from './slice.js';
import { walkOf } from './walk.js';

const transposeKernel = defineKernel<TransposeSpec>({ name: 'transpose', shader: transposeShader });

/**
 * x with its axes in the order `perm` (by default the last two swapped), as a copy: axis a of the result is axis
 * perm[a] of x. A view where only axes of size 1 move. Any dtype.
 *
 * @throws ArgumentError when perm does not name every axis once
 */
export function transpose(x: Tensor, perm?: readonly number[]): Tensor {
  commonDevice('transpose', [x]);
  const order = perm ? perm.map((a) => axisOf('transpose', a, x.rank)) : swapped(x.rank, x.rank - 2, x.rank - 1);
  if (perm ? new Set(order).size !== x.rank || order.length !== x.rank : x.rank < 2) {
    throw new ArgumentError('transpose', `each axis of ${showShape(x.shape)} once`, showShape(perm ?? []));
  }
  const strides = stridesOf(x.shape);
  const shape = order.map((a) => x.shape[a]);
  const dense = stridesOf(shape);
  const axes = mergeCopyAxes(shape.map((size, a) => ({ size, from: strides[order[a]], to: dense[a] })));
  if (x.size === 0 || (axes.length === 1 && axes[0].from === 1))
    return record('transpose', { perm: order }, [x], x.view('transpose', shape));
  const out = Tensor.empty('transpose', x.device, x.dtype, shape);
  if (!launchSwap(x, out, axes)) launchCopy('transpose', x, out, { axes, from: 0, to: 0 });
  return record('transpose', { perm: order }, [x], out);
}

/** x with two axes exchanged. */
export function swapAxes(x: Tensor, a: number, b: number): Tensor {
  const [first, second] = [axisOf('swapAxes', a, x.rank), axisOf('swapAxes', b, x.rank)];
  return transpose(x, swapped(x.rank, first, second));
}

const swapped = (rank: number, a: number, b: number): number[] =>
  Array.from({ length: rank }, (_, i) => (i === a ? b : i === b ? a : i));

/** Runs the matrix kernel where the walk is a batch of plain transposes; false where it is not. */
function launchSwap(x: Tensor, out: Tensor, axes: readonly CopyAxis[]): boolean {
  if (axes.length < 2 || axes.length > 3) return false;
  const [rows, cols] = axes.slice(-2);
  const batch = axes.length === 3 ? axes[0] : { size: 1, from: 0, to: 0 };
  if (rows.from !== 1 || cols.to !== 1) return false;
  const software = x.device.deviceClass === 'software';
  const aligned = [rows.size, cols.size, cols.from, rows.to, batch.from, batch.to].every((v) => v % 4 === 0);
  if (software && !aligned) return false;
  const side = software ? 4 : TILE;
  const scale = software ? 4 : 1;
  const rowBlocks = Math.ceil(rows.size / side);
  const colBlocks = Math.ceil(cols.size / side);
  const blocks = batch.size * rowBlocks * colBlocks;
  const walk = software
    ? walkOf(x.device, blocks)
    : { params: [blocks, 1], grid: foldGrid(blocks, x.device.limits.maxWorkgroups) };
  x.device.run(
    transposeKernel,
    { stored: movedAs(x), form: software ? 'block' : 'tile' },
    {
      bindings: [x.binding('transpose'), out.binding('transpose')],
      params: [
        ...walk.params,
        batch.size,
        rowBlocks,
        colBlocks,
        rows.size,
        cols.size,
        batch.from / scale,
        cols.from / scale,
        batch.to / scale,
        rows.to / scale,
      ],
      grid: walk.grid,
      cost: { flops: 0, bytes: 2 * x.bytes },
    },
  );
  return true;
}
