import { blockElementsShader } from '../../shaders/sparse/block-elements.js';
import { noGrad, record } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { ones, zeros } from '../ops/create.js';
import { strideGrid, STRIDE_WORKGROUP as workgroup } from '../ops/grid-stride.js';
import { notEqual } from '../ops/pointwise.js';
import { assertDType } from '../tensor/dtype.js';
import { scope } from '../tensor/scope.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import type { BlockPattern } from './block-pattern.js';
import { patternOf } from './mask.js';
import type { Pattern } from './pattern.js';

const kernel = defineKernel<{ toBlocks: boolean; workgroup: number }>({
  name: 'block elements',
  shader: blockElementsShader,
});

/**
 * The blocks of a dense matrix that a pattern has. Elements elsewhere get no gradient.
 *
 * @param dense f32 [...batch, rows, cols]
 * @returns [...batch, blocks, block, block]
 * @throws ShapeError for a matrix of another size than the pattern's
 */
export function sampleBlocks(pattern: BlockPattern, dense: Tensor): Tensor {
  const op = 'sampleBlocks';
  checkOperand(op, pattern, 'dense', dense);
  const { rows, cols, blocks, block } = pattern;
  if (!sameShape(dense.shape.slice(-2), [rows, cols]))
    throw new ShapeError(op, `dense of shape [...batch, ${rows}, ${cols}]`, showShape(dense.shape));
  const out = Tensor.empty(op, dense.device, 'f32', [...dense.shape.slice(0, -2), blocks, block, block]);
  return record('sampleBlocks', { pattern }, [dense], move(op, pattern, dense, out, out));
}

/**
 * The dense form of blocks' values: 0 elsewhere. The adjoint of `sampleBlocks`.
 *
 * @param values f32 [...batch, blocks, block, block]
 * @returns [...batch, rows, cols]
 * @throws ShapeError for values that are not the pattern's blocks
 */
export function blocksToDense(pattern: BlockPattern, values: Tensor): Tensor {
  const op = 'blocksToDense';
  checkValues(op, pattern, 'values', values);
  const out = zeros(values.device, [...values.shape.slice(0, -3), pattern.rows, pattern.cols]);
  return record('blocksToDense', { pattern }, [values], move(op, pattern, out, values, out));
}

/** A bool mask [rows, cols] of the elements inside a pattern's blocks. */
export function blockMaskOf(pattern: BlockPattern): Tensor {
  const { device, blocks, block } = pattern;
  pattern.assertLive('blockMaskOf');
  return noGrad(() => scope(() => notEqual(blocksToDense(pattern, ones(device, [blocks, block, block])), 0)));
}

/** The pattern of all elements inside a block pattern's blocks. Waits for the device once. */
export async function blocksToPattern(pattern: BlockPattern): Promise<Pattern> {
  const mask = blockMaskOf(pattern);
  try {
    return await patternOf(mask);
  } finally {
    mask.dispose();
  }
}

/** @throws ShapeError unless `values` are [...batch, blocks, block, block] */
export function checkValues(op: string, pattern: BlockPattern, name: string, values: Tensor): void {
  checkOperand(op, pattern, name, values);
  const { blocks, block } = pattern;
  if (!sameShape(values.shape.slice(-3), [blocks, block, block])) {
    const expected = `${name} of shape [...batch, ${blocks}, ${block}, ${block}]`;
    throw new ShapeError(op, expected, showShape(values.shape));
  }
}

/** @throws DisposedError, DeviceMismatchError or DTypeError for a tensor that does not go with the pattern */
export function checkOperand(op: string, pattern: BlockPattern, name: string, t: Tensor): void {
  pattern.assertLive(op);
  commonDevice(op, [t, pattern.byRow.starts]);
  assertDType(op, name, t.dtype, 'f32');
}

/** Copies between both forms; returns `out`, which is one of them. */
function move(op: string, pattern: BlockPattern, dense: Tensor, values: Tensor, out: Tensor): Tensor {
  const { device, block, blocks, rows, cols } = pattern;
  if (values.size === 0) return out;
  try {
    device.run(
      kernel,
      { toBlocks: out === values, workgroup },
      {
        bindings: [pattern.byRow.lineOf, pattern.byRow.across, dense, values].map((t) => t.binding(op)),
        params: [values.size / (blocks * block * block), blocks, rows, cols, block],
        grid: strideGrid(device, values.size / 4),
        cost: { flops: 0, bytes: 2 * values.bytes },
      },
    );
    return out;
  } catch (error) {
    out.dispose();
    throw error;
  }
}
