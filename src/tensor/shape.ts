import { ArgumentError, ShapeError } from '../gpu/errors.js';

/** Sizes per axis, outermost first; row-major and always contiguous. */
export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i]);
export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** Elements between neighbours along each axis of a contiguous tensor. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i];
  }
  return strides;
}

export function assertShape(op: string, shape: Shape): void {
  for (const d of shape) {
    if (!Number.isInteger(d) || d < 0) throw new ShapeError(op, 'axes of whole sizes >= 0', showShape(shape));
  }
}

export function assertRank(op: string, name: string, shape: Shape, min: number, max = Number.POSITIVE_INFINITY): void {
  if (shape.length < min || shape.length > max) {
    const range = max === min ? `${min}` : max === Number.POSITIVE_INFINITY ? `>= ${min}` : `${min} to ${max}`;
    throw new ShapeError(op, `${name} of rank ${range}`, showShape(shape));
  }
}

/** An axis in [0, rank), counting from the end where it is negative. */
export function axisOf(op: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ArgumentError(op, `an axis from ${-rank} to ${rank - 1}`, String(axis));
  }
  return axis < 0 ? axis + rank : axis;
}

/** Distinct axes in ascending order; all axes where none are given. */
export function axesOf(op: string, axes: number | readonly number[] | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === 'number' ? [axes] : axes).map((a) => axisOf(op, a, rank)).sort((a, b) => a - b);
  for (let i = 1; i < list.length; i++) {
    if (list[i] === list[i - 1]) throw new ArgumentError(op, 'each axis once', `axis ${list[i]} twice`);
  }
  return list;
}

/** The shape that all broadcast to, by NumPy's rule: axes align at the end; 1 stretches. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((d, i) => {
      const k = rank - shape.length + i;
      if (d === 1) return;
      if (out[k] !== 1 && out[k] !== d)
        throw new ShapeError(op, 'shapes that broadcast together', shapes.map(showShape).join(' and '));
      out[k] = d;
    });
  }
  return out;
}

/** The shape after summing `axes` away, or with them kept as 1. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  return keepDims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));
}

/** Fills in the one -1 of a shape. */
export function inferShape(op: string, shape: Shape, size: number): number[] {
  const holes = shape.filter((d) => d === -1).length;
  if (holes > 1) throw new ShapeError(op, 'at most one -1', showShape(shape));
  const known = shape.reduce((n, d) => (d === -1 ? n : n * d), 1);
  const out = shape.map((d) => (d === -1 ? (known === 0 ? 0 : size / known) : d));
  assertShape(op, out);
  if (sizeOf(out) !== size) throw new ShapeError(op, `a shape of ${size} elements`, showShape(shape));
  return out;
}
