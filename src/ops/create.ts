import { apply, constant, coord, type Expr, input, scalar } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import { type DType, isFloat } from '../tensor/dtype.js';
import { assertRank, type Shape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { generate, map, valueType } from './map.js';

export interface CreateOptions {
  /** dtype of the result; f32 unless said otherwise. */
  dtype?: DType;
}

/** A tensor full of 0 (false for bool). */
export const zeros = (device: Device, shape: Shape, dtype: DType = 'f32'): Tensor =>
  filled('zeros', device, shape, 0, dtype);
/** A tensor full of 1 (true for bool). */
export const ones = (device: Device, shape: Shape, dtype: DType = 'f32'): Tensor =>
  filled('ones', device, shape, 1, dtype);
/**
 * A tensor full of one value.
 *
 * @throws ArgumentError for a value that the integer dtype does not have
 */
export const full = (device: Device, shape: Shape, value: number, dtype: DType = 'f32'): Tensor =>
  filled('full', device, shape, value, dtype);

/** Zeros of x's shape, and its dtype unless another is given. */
export const zerosLike = (x: Tensor, dtype: DType = x.dtype): Tensor =>
  filled('zerosLike', x.device, x.shape, 0, dtype);
/** Ones of x's shape, and its dtype unless another is given. */
export const onesLike = (x: Tensor, dtype: DType = x.dtype): Tensor => filled('onesLike', x.device, x.shape, 1, dtype);
/** One value in x's shape, and its dtype unless another is given. */
export const fullLike = (x: Tensor, value: number, dtype: DType = x.dtype): Tensor =>
  filled('fullLike', x.device, x.shape, value, dtype);

function filled(op: string, device: Device, shape: Shape, value: number, dtype: DType): Tensor {
  const { expr, scalars } = hostValue(op, value, dtype, 0);
  return generate(op, device, shape, expr, scalars, dtype);
}

/** A host number as scalars of a kernel from number `first` on; whole numbers go as two halves, both exact in f32. */
function hostValue(op: string, value: number, dtype: DType, first: number): { expr: Expr; scalars: number[] } {
  if (isFloat(dtype)) return { expr: scalar(first), scalars: [value] };
  if (dtype === 'bool') return { expr: apply('toBool', scalar(first)), scalars: [value ? 1 : 0] };
  const [low, high] = dtype === 'i32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 2 ** 32 - 1];
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new ArgumentError(op, `a whole number from ${low} to ${high} for dtype ${dtype}`, String(value));
  }
  const to = dtype === 'i32' ? 'toI32' : 'toU32';
  const upper = Math.floor(value / 65536);
  const expr = apply(
    'add',
    apply('mul', apply(to, scalar(first)), constant(65536, dtype as 'i32' | 'u32')),
    apply(to, scalar(first + 1)),
  );
  return { expr, scalars: [upper, value - upper * 65536] };
}

/**
 * start, start + step, ... up to but not including stop: `arange(device, stop)` or `arange(device, start, stop, step)`.
 * dtype i32 where all numbers are whole, else f32, unless one is given. Floats are start + i * step in f32.
 *
 * @throws ArgumentError for a step of 0 or numbers that are not finite, or not whole for an integer dtype
 */
export function arange(device: Device, stop: number, options?: CreateOptions): Tensor;
export function arange(device: Device, start: number, stop: number, step?: number, options?: CreateOptions): Tensor;
export function arange(
  device: Device,
  first: number,
  second?: number | CreateOptions,
  third = 1,
  last: CreateOptions = {},
): Tensor {
  const [start, stop, step] = typeof second === 'number' ? [first, second, third] : [0, first, 1];
  const options = typeof second === 'object' ? second : last;
  const numbers = [start, stop, step];
  if (!numbers.every(Number.isFinite) || step === 0) {
    throw new ArgumentError(
      'arange',
      'finite numbers and a step other than 0',
      `start ${start}, stop ${stop}, step ${step}`,
    );
  }
  const dtype: DType = options.dtype ?? (numbers.every(Number.isInteger) ? 'i32' : 'f32');
  if (dtype === 'bool') throw new ArgumentError('arange', 'a dtype of numbers', dtype);
  const count = Math.max(0, Math.ceil((stop - start) / step));
  const from = hostValue('arange', start, dtype, 0);
  // Unsigned steps wrap: counting down is adding 2^32 - |step|.
  const by = hostValue(
    'arange',
    dtype === 'u32' && Number.isInteger(step) && step < 0 ? step + 2 ** 32 : step,
    dtype,
    from.scalars.length,
  );
  const i = apply(isFloat(dtype) ? 'toF32' : dtype === 'i32' ? 'toI32' : 'toU32', coord(0));
  return generate(
    'arange',
    device,
    [count],
    apply('add', from.expr, apply('mul', i, by.expr)),
    [...from.scalars, ...by.scalars],
    dtype,
  );
}

/**
 * `count` evenly spaced numbers from start to stop, both included exactly.
 *
 * @returns [count], f32 (or f16)
 * @throws ArgumentError unless count is a whole number >= 0 and the ends are finite
 */
export function linspace(
  device: Device,
  start: number,
  stop: number,
  count: number,
  { dtype = 'f32' }: CreateOptions = {},
): Tensor {
  if (!Number.isInteger(count) || count < 0) throw new ArgumentError('linspace', 'a whole count >= 0', String(count));
  if (!Number.isFinite(start) || !Number.isFinite(stop))
    throw new ArgumentError('linspace', 'finite ends', `${start} and ${stop}`);
  if (!isFloat(dtype)) throw new ArgumentError('linspace', 'dtype f32 or f16', dtype);
  // Each half counts from its own end, so that both ends are exact and the grid is symmetric.
  const i = apply('toF32', coord(0));
  const up = apply('add', scalar(0), apply('mul', i, scalar(2)));
  const down = apply('sub', scalar(1), apply('mul', apply('sub', scalar(3), i), scalar(2)));
  const expr = apply('where', apply('lt', apply('add', i, i), scalar(3)), up, down);
  const alone = count === 1;
  const scalars = [start, alone ? start : stop, alone ? 0 : (stop - start) / (count - 1), Math.max(0, count - 1)];
  return generate('linspace', device, [count], expr, scalars, dtype);
}

/** The identity: 1 where row and column agree. [rows, columns], square unless columns are given. */
export function eye(device: Device, rows: number, columns = rows, { dtype = 'f32' }: CreateOptions = {}): Tensor {
  return mask('eye', device, rows, columns, 'eq', 0, dtype);
}

/** 1 (true) on and below a diagonal: column <= row + diagonal. [rows, columns], bool by default. */
export function trilMask(
  device: Device,
  rows: number,
  columns = rows,
  diagonal = 0,
  { dtype = 'bool' }: CreateOptions = {},
): Tensor {
  return mask('trilMask', device, rows, columns, 'le', diagonal, dtype);
}

/** 1 (true) on and above a diagonal: column >= row + diagonal. [rows, columns], bool by default. */
export function triuMask(
  device: Device,
  rows: number,
  columns = rows,
  diagonal = 0,
  { dtype = 'bool' }: CreateOptions = {},
): Tensor {
  return mask('triuMask', device, rows, columns, 'ge', diagonal, dtype);
}

function mask(
  op: string,
  device: Device,
  rows: number,
  columns: number,
  relation: 'eq' | 'le' | 'ge',
  diagonal: number,
  dtype: DType,
): Tensor {
  const hit = apply(relation, coord(1), diagonalOf(op, 0, diagonal));
  const expr = dtype === 'bool' ? hit : apply(isFloat(dtype) ? 'toF32' : dtype === 'i32' ? 'toI32' : 'toU32', hit);
  return generate(op, device, [rows, columns], expr, [diagonal], dtype);
}

function diagonalOf(op: string, rowAxis: number, diagonal: number): Expr {
  if (!Number.isInteger(diagonal) || Math.abs(diagonal) > 2 ** 24)
    throw new ArgumentError(op, 'a whole diagonal', String(diagonal));
  return apply('add', coord(rowAxis), apply('toI32', scalar(0)));
}

/** The lower triangle of the last two axes: zeros where column > row + diagonal. */
export const tril = (x: Tensor, diagonal = 0): Tensor => triangle('tril', x, diagonal, 'le');
/** The upper triangle of the last two axes: zeros where column < row + diagonal. */
export const triu = (x: Tensor, diagonal = 0): Tensor => triangle('triu', x, diagonal, 'ge');

function triangle(op: string, x: Tensor, diagonal: number, relation: 'le' | 'ge'): Tensor {
  assertRank(op, 'x', x.shape, 2);
  const type = valueType(x);
  const hit = apply(relation, coord(x.rank - 1), diagonalOf(op, x.rank - 2, diagonal));
  return map([x], apply('where', hit, input(0, type), constant(0, type)), { scalars: [diagonal], op, dtype: x.dtype });
}
