import { type ResizeSpec, resizeShader } from '../../shaders/resize.js';
import { record } from '../autograd/node.js';
import { ArgumentError, LimitError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { assertDType } from '../tensor/dtype.js';
import { assertRank, showShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import { walkOf } from './walk.js';

type Two = readonly [y: number, x: number];

/** Geometry of a resize over NHWC images. */
export interface ResizeAttrs {
  mode: 'nearest' | 'bilinear';
  /** Bilinear only: corner pixels' centres meet corner pixels' centres, instead of edges meeting edges. */
  alignCorners: boolean;
  input: Two;
  output: Two;
}

export interface ResizeOptions {
  /** Default `nearest`: output o reads pixel floor(o in / out). */
  mode?: ResizeAttrs['mode'];
  alignCorners?: boolean;
}

const resizeKernel = defineKernel<ResizeSpec>({ name: 'resize', shader: resizeShader });

/**
 * x [..., h, w, channels] resampled to [..., oh, ow, channels]. Bilinear reads position (o + 1/2) in / out - 1/2, or
 * o (in - 1) / (out - 1) with `alignCorners`, clamped to the image. Without anti-aliasing when it shrinks. f32.
 *
 * @throws ShapeError, ArgumentError, DTypeError, LimitError (a height or width over 16384)
 */
export function resize2d(x: Tensor, output: number | Two, options: ResizeOptions = {}): Tensor {
  const op = 'resize2d';
  commonDevice(op, [x]);
  assertDType(op, 'x', x.dtype, 'f32');
  assertRank(op, 'x', x.shape, 3);
  const { mode = 'nearest', alignCorners = false } = options;
  if (mode !== 'nearest' && mode !== 'bilinear') throw new ArgumentError(op, 'mode nearest or bilinear', String(mode));
  if (alignCorners && mode === 'nearest')
    throw new ArgumentError(op, 'alignCorners with mode bilinear only', 'nearest');
  const [h, w] = x.shape.slice(-3);
  const [oh, ow] = typeof output === 'number' ? [output, output] : output;
  if (h < 1 || w < 1) throw new ShapeError(op, 'images of at least one pixel', showShape(x.shape));
  for (const v of [oh, ow])
    if (!Number.isInteger(v) || v < 1)
      throw new ArgumentError(op, 'output sizes as whole numbers >= 1', String(output));
  // Positions are 32-bit fractions of the product of both sizes.
  for (const v of [h, w, oh, ow]) if (v > MAX_SIDE) throw new LimitError(op, 'pixels along an axis', MAX_SIDE, v);
  return resizeLike(x, { mode, alignCorners, input: [h, w], output: [oh, ow] });
}

const MAX_SIDE = 16384;

/** Every pixel of x [..., h, w, channels] repeated `factor` (or [y, x]) times along both axes. */
export function upsampleNearest2d(x: Tensor, factor: number | Two): Tensor {
  const op = 'upsampleNearest2d';
  commonDevice(op, [x]);
  assertRank(op, 'x', x.shape, 3);
  const [y, z] = typeof factor === 'number' ? [factor, factor] : factor;
  for (const v of [y, z])
    if (!Number.isInteger(v) || v < 1) throw new ArgumentError(op, 'factors as whole numbers >= 1', String(factor));
  return resize2d(x, [x.shape[x.rank - 3] * y, x.shape[x.rank - 2] * z]);
}

/** A resize of a given geometry. */
export function resizeLike(x: Tensor, attrs: ResizeAttrs): Tensor {
  return record('resize', attrs, [x], launch('resize2d', x, attrs, false));
}

/** Adjoint of `resizeLike`. */
export function resizeInput(g: Tensor, attrs: ResizeAttrs): Tensor {
  return record('resizeInput', attrs, [g], launch('resizeInput', g, attrs, true));
}

/** Position of output o along an axis as the fraction max(a o + b, 0) / d. */
function positions({ mode, alignCorners, input, output }: ResizeAttrs, axis: 0 | 1): [a: number, b: number, d: number] {
  const [from, to] = [input[axis], output[axis]];
  if (mode === 'nearest') return [from, 0, to];
  if (alignCorners) return to === 1 ? [0, 0, 1] : [from - 1, 0, to - 1];
  return [2 * from, from - to, 2 * to];
}

function launch(op: string, src: Tensor, attrs: ResizeAttrs, adjoint: boolean): Tensor {
  const channels = src.shape[src.rank - 1];
  const out = Tensor.empty(op, src.device, 'f32', [
    ...src.shape.slice(0, -3),
    ...(adjoint ? attrs.input : attrs.output),
    channels,
  ]);
  if (out.size === 0) return out;
  const { device } = src;
  const lanes = channels % 4 === 0 ? 4 : 1;
  const n = out.size / lanes;
  const images = src.size / (channels * src.shape[src.rank - 2] * src.shape[src.rank - 3]);
  const walk = walkOf(device, n);
  device.run(
    resizeKernel,
    { mode: attrs.mode, adjoint, lanes },
    {
      bindings: [src.binding(op), out.binding(op)],
      params: [
        ...walk.params,
        images,
        channels / lanes,
        ...attrs.input,
        ...attrs.output,
        ...positions(attrs, 0),
        ...positions(attrs, 1),
      ],
      grid: walk.grid,
      cost: { flops: (attrs.mode === 'nearest' ? 1 : 8) * Math.max(src.size, out.size), bytes: src.bytes + out.bytes },
    },
  );
  return out;
}
