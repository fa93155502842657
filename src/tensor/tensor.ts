import type { Node } from '../autograd/node.js';
import type { Lease } from '../gpu/buffers.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, DeviceMismatchError, DisposedError, ShapeError } from '../gpu/errors.js';
import type { Binding } from '../gpu/kernel.js';
import { BYTES, type DType, decode, encode, type HostArray } from './dtype.js';
import { adopt } from './scope.js';
import { assertShape, inferShape, type Shape, showShape, sizeOf } from './shape.js';

/** A leased buffer shared by a tensor and its views; goes back to the pool with the last of them. */
class Storage {
  private refs = 0;
  constructor(
    readonly device: Device,
    readonly lease: Lease,
  ) {}
  retain(): this {
    this.refs++;
    return this;
  }
  release(): void {
    if (--this.refs === 0 && !this.device.isClosed) this.device.pool.release(this.lease);
  }
}

/**
 * A dense, contiguous, row-major array on a device. Tensors are immutable through the public ops, save for parameters
 * and statistics, which their owners update in place. A reshape and an aligned slice of the leading axis are views on
 * the same storage. Dispose a tensor with `dispose()` or `using`, or let the innermost `scope` do it.
 */
export class Tensor {
  readonly device: Device;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly size: number;
  /** How this tensor came from others, where gradients may be asked for. */
  node: Node | null = null;
  /** True for a leaf with respect to which gradients may be asked for. */
  requiresGrad = false;
  private readonly storage: Storage;
  private readonly range: Binding;
  private gone = false;

  /** Use `tensor`, `zeros`, ... or an op; this is for kernels. */
  constructor(device: Device, dtype: DType, shape: Shape, storage: Storage, offset: number) {
    this.device = device;
    this.dtype = dtype;
    this.shape = shape;
    this.size = sizeOf(shape);
    this.storage = storage.retain();
    const size = Math.min(storage.lease.size - offset, Math.max(16, Math.ceil((this.size * BYTES[dtype]) / 16) * 16));
    this.range = { lease: storage.lease, offset, size };
    device.tensorCount++;
    adopt(this);
  }

  /** A fresh tensor whose contents are not defined until a kernel writes them. */
  static empty(op: string, device: Device, dtype: DType, shape: Shape): Tensor {
    device.assertOpen(op);
    assertShape(op, shape);
    if (dtype === 'f16' && !device.hasF16)
      throw new ArgumentError(op, 'an adapter with shader-f16 for dtype f16', device.name);
    return new Tensor(
      device,
      dtype,
      shape,
      new Storage(device, device.pool.acquire(op, sizeOf(shape) * BYTES[dtype])),
      0,
    );
  }

  get rank(): number {
    return this.shape.length;
  }
  get bytes(): number {
    return this.size * BYTES[this.dtype];
  }
  get isDisposed(): boolean {
    return this.gone;
  }
  /** True where gradients flow through this tensor. */
  get tracked(): boolean {
    return this.requiresGrad || this.node !== null;
  }

  /** The bytes of this tensor for a kernel. */
  binding(op: string): Binding {
    if (this.gone) throw new DisposedError(op, String(this));
    return this.range;
  }

  /** A view on the same storage; `offset` counts elements from this tensor's start. */
  view(op: string, shape: Shape, offset = 0): Tensor {
    if (this.gone) throw new DisposedError(op, String(this));
    if (offset < 0 || offset + sizeOf(shape) > this.size)
      throw new ShapeError(op, `a view inside ${showShape(this.shape)}`, showShape(shape));
    const start = this.range.offset + offset * BYTES[this.dtype];
    if (start % this.device.limits.offsetAlignment !== 0) {
      throw new ArgumentError(
        op,
        `a view at a multiple of ${this.device.limits.offsetAlignment} bytes`,
        `byte ${start}`,
      );
    }
    return new Tensor(this.device, this.dtype, shape, this.storage, start);
  }

  /** Whether a view may begin at this element. */
  canViewAt(offset: number): boolean {
    return (this.range.offset + offset * BYTES[this.dtype]) % this.device.limits.offsetAlignment === 0;
  }

  /** Copies the values to the host, in row-major order. */
  async data(): Promise<HostArray> {
    const binding = this.binding('data');
    if (this.size === 0) return decode(this.dtype, new ArrayBuffer(0), 0);
    return decode(this.dtype, await this.device.read(binding, this.bytes), this.size);
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new ShapeError('item', 'a tensor of one element', showShape(this.shape));
    return (await this.data())[0];
  }

  /** Overwrites the values from the host, without any trace in the graph. */
  write(values: ArrayLike<number>): void {
    if (values.length !== this.size) throw new ShapeError('write', `${this.size} values`, `${values.length}`);
    if (this.size > 0) this.device.stream.write(this.binding('write'), encode(this.dtype, values));
  }

  /** Gives the storage back (with the last view on it). Disposing twice is harmless. */
  dispose(): void {
    if (this.gone) return;
    this.gone = true;
    this.device.tensorCount--;
    this.storage.release();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** A printable name: dtype and shape, not values. */
  toString(): string {
    return `${this.dtype}${showShape(this.shape)}`;
  }
}

/** Nested host numbers, as deep as the tensor's rank. */
export type Nested = number | boolean | readonly Nested[];

/**
 * A tensor from host values: a flat typed array or list with a shape, or nested lists whose depth gives the shape.
 *
 * @throws ShapeError when the number of values is not the shape's, or nested lists are ragged.
 */
export function tensor(
  device: Device,
  values: HostArray | Nested,
  options: { shape?: Shape; dtype?: DType } = {},
): Tensor {
  const dtype = options.dtype ?? dtypeOf(values);
  const flat = ArrayBuffer.isView(values) ? values : flatten(values);
  const shape = options.shape
    ? inferShape('tensor', options.shape, flat.length)
    : ArrayBuffer.isView(values)
      ? [flat.length]
      : nestedShape(values);
  if (sizeOf(shape) !== flat.length)
    throw new ShapeError('tensor', `${sizeOf(shape)} values for ${showShape(shape)}`, `${flat.length}`);
  const out = Tensor.empty('tensor', device, dtype, shape);
  try {
    out.write(flat);
  } catch (error) {
    out.dispose();
    throw error;
  }
  return out;
}

function dtypeOf(values: HostArray | Nested): DType {
  if (values instanceof Int32Array) return 'i32';
  if (values instanceof Uint32Array) return 'u32';
  if (values instanceof Uint8Array) return 'bool';
  let first: unknown = values;
  while (Array.isArray(first)) first = first[0];
  return typeof first === 'boolean' ? 'bool' : 'f32';
}

function flatten(values: Nested): number[] {
  const out: number[] = [];
  const walk = (v: Nested) => {
    if (typeof v === 'object') for (const x of v) walk(x);
    else out.push(Number(v));
  };
  walk(values);
  return out;
}

function nestedShape(values: Nested): number[] {
  if (typeof values !== 'object') return [];
  if (values.length === 0) return [0];
  const inner = nestedShape(values[0]);
  for (const v of values) {
    const other = nestedShape(v);
    if (showShape(other) !== showShape(inner)) {
      throw new ShapeError('tensor', `nested lists of one shape, ${showShape(inner)}`, showShape(other));
    }
  }
  return [values.length, ...inner];
}

/** Checks that tensors are usable together and returns their device. */
export function commonDevice(op: string, tensors: readonly Tensor[]): Device {
  const device = tensors[0].device;
  for (const t of tensors) {
    if (t.isDisposed) throw new DisposedError(op, String(t));
    if (t.device !== device)
      throw new DeviceMismatchError(op, `${device.name} #${device.id}`, `${t.device.name} #${t.device.id}`);
  }
  device.assertOpen(op);
  return device;
}
