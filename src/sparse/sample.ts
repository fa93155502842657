import { type SampleSpec, sampleShader } from '../../shaders/sparse/sample.js';
import { record } from '../autograd/node.js';
import { ShapeError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { zeros } from '../ops/create.js';
import { STRIDE_WORKGROUP as workgroup } from '../ops/grid-stride.js';
import { assertDType } from '../tensor/dtype.js';
import { type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import type { Pattern } from './pattern.js';

export interface SampleOptions {
  /**
   * Shape of the dense form without its batch axes: [rows, cols], or [parts, rows, cols] of several parts, unless
   * another of as many elements is given, such as [out, kh, kw, in] of a convolution's weight.
   */
  shape?: Shape;
}

/** Attributes of both directions. */
export interface SampleAttrs {
  pattern: Pattern;
  /** Shape of the dense form without its batch axes. */
  shape: Shape;
}

const kernel = defineKernel<SampleSpec>({ name: 'sample', shader: sampleShader });

/**
 * The elements of a dense tensor at the entries of a pattern, in row order. Elements elsewhere get no gradient.
 *
 * @param dense f32 (or i32, u32), [...batch, rows, cols] where one part is shared by the batch, [parts, rows, cols] of a
 * pattern of several parts, or in place of those axes `shape`
 * @returns [...batch, nnz], or [nnz] of several parts
 * @throws ShapeError for a dense tensor that the pattern does not fit
 */
export function sampleDense(pattern: Pattern, dense: Tensor, options: SampleOptions = {}): Tensor {
  const op = 'sampleDense';
  checkOperand(op, pattern, 'dense', dense);
  const shape = denseShape(op, pattern, options.shape);
  const lead = dense.rank - shape.length;
  if (lead < 0 || !sameShape(dense.shape.slice(lead), shape) || (pattern.parts !== 1 && lead > 0)) {
    const batch = pattern.parts === 1 ? '...batch, ' : '';
    throw new ShapeError(op, `dense of shape [${batch}${shape.join(', ')}]`, showShape(dense.shape));
  }
  const batch = dense.shape.slice(0, lead);
  const out = Tensor.empty(op, dense.device, dense.dtype, [...batch, pattern.nnz]);
  try {
    launch(op, pattern, 'gather', sizeOf(batch), out, dense);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return record('sampleDense', { pattern, shape }, [dense], out);
}

/**
 * The dense form of values at the entries of a pattern: 0 elsewhere. The adjoint of `sampleDense`.
 *
 * @param values f32 (or i32, u32), [...batch, nnz], or [nnz] of a pattern of several parts
 * @returns [...batch, rows, cols], [parts, rows, cols] of several parts, or in place of those axes `shape`
 * @throws ShapeError for values that are not as many as the entries
 */
export function densify(pattern: Pattern, values: Tensor, options: SampleOptions = {}): Tensor {
  const op = 'densify';
  checkOperand(op, pattern, 'values', values);
  const shape = denseShape(op, pattern, options.shape);
  const { rank } = values;
  if (rank === 0 || values.shape[rank - 1] !== pattern.nnz || (pattern.parts !== 1 && rank > 1)) {
    const expected = `values of shape [${pattern.parts === 1 ? '...batch, ' : ''}${pattern.nnz}]`;
    throw new ShapeError(op, expected, showShape(values.shape));
  }
  const batch = values.shape.slice(0, -1);
  const out = zeros(values.device, [...batch, ...shape], values.dtype);
  try {
    launch(op, pattern, 'scatter', sizeOf(batch), values, out);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return record('densify', { pattern, shape }, [values], out);
}

/**
 * A bool mask of a pattern's entries: [rows, cols], [parts, rows, cols] of several parts, or `shape`.
 *
 * @throws ShapeError for a shape of another number of elements
 */
export function maskOf(pattern: Pattern, options: SampleOptions = {}): Tensor {
  pattern.assertLive('maskOf');
  const out = zeros(pattern.device, denseShape('maskOf', pattern, options.shape), 'bool');
  try {
    launch('maskOf', pattern, 'mark', 1, null, out);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}

function checkOperand(op: string, pattern: Pattern, name: string, t: Tensor): void {
  pattern.assertLive(op);
  commonDevice(op, [t, pattern.byRow.starts]);
  assertDType(op, name, t.dtype, 'f32', 'i32', 'u32');
}

function denseShape(op: string, { parts, rows, cols }: Pattern, shape?: Shape): Shape {
  const own = parts === 1 ? [rows, cols] : [parts, rows, cols];
  if (shape && sizeOf(shape) !== sizeOf(own))
    throw new ShapeError(op, `a shape of ${sizeOf(own)} elements for ${showShape(own)}`, showShape(shape));
  return shape ?? own;
}

function launch(
  op: string,
  pattern: Pattern,
  move: SampleSpec['move'],
  batch: number,
  values: Tensor | null,
  dense: Tensor,
): void {
  const { device, nnz, rows, cols } = pattern;
  const parts = pattern.parts !== 1;
  const slices = parts ? pattern.parts : batch;
  if (nnz === 0 || slices === 0) return;
  const { starts, lineOf, across } = pattern.byRow;
  const entries = parts ? nnz / slices : nnz;
  // Software devices want few workgroups with real work; GPUs one invocation an entry.
  const chunks = Math.max(1, Math.ceil(entries / workgroup / (device.deviceClass === 'software' ? 16 : 1)));
  const bindings = [...(parts ? [starts] : []), lineOf, across, ...(values ? [values] : []), dense];
  device.run(
    kernel,
    { move, parts, workgroup },
    {
      bindings: bindings.map((t) => t.binding(op)),
      params: [slices, chunks, rows, cols, nnz],
      grid: foldGrid(slices * chunks, device.limits.maxWorkgroups),
      cost: { flops: 0, bytes: 16 * (parts ? nnz : slices * nnz) },
    },
  );
}
