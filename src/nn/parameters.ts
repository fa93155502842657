import { type PackSpec, packShader } from '../../shaders/pack.js';
import { constant } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, ShapeError } from '../gpu/errors.js';
import { defineKernel } from '../gpu/kernel.js';
import { generate } from '../ops/map.js';
import { keep } from '../tensor/scope.js';
import { type Shape, sameShape, showShape, sizeOf } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';

/** A parameter's name and shape, in the order in which parameters lie. */
export interface ParameterSpec {
  name: string;
  shape: Shape;
}

/** Elements between the starts of parameters are multiples of this: 256 bytes, which every adapter can bind at. */
const ALIGN = 64;

const packKernel = defineKernel<PackSpec>({ name: 'pack', shader: packShader });

/** A tensor, and where it starts in the flat buffer. */
interface Piece {
  tensor: Tensor;
  offset: number;
}

/** Elements from which a software device takes a tensor in a dispatch of its own. */
const LARGE = 8192;
const isLarge = ({ tensor }: Piece): boolean => tensor.size >= LARGE;

/**
 * Named parameters that lie in one flat buffer, each aligned to 256 bytes, with zeros between them. What belongs to
 * them (gradients, optimiser state, masks) is laid out alike, so that one kernel handles all of them at once.
 */
export class Parameters {
  readonly device: Device;
  /** Every value, in the order of `specs`, padding included. */
  readonly flat: Tensor;
  readonly specs: readonly ParameterSpec[];
  private readonly offsets = new Map<string, number>();
  private readonly views = new Map<string, Tensor>();

  /** Parameters of value 0; initialise them by `set` or `Tensor.write`. */
  constructor(device: Device, specs: readonly ParameterSpec[]) {
    this.device = device;
    this.specs = specs;
    let total = 0;
    for (const { name, shape } of specs) {
      if (this.offsets.has(name)) throw new ArgumentError('Parameters', 'each name once', `'${name}' twice`);
      this.offsets.set(name, total);
      total += Math.ceil(sizeOf(shape) / ALIGN) * ALIGN;
    }
    this.flat = keep(generate('Parameters', device, [total], constant(0), [], 'f32'));
    for (const { name, shape } of specs) {
      const view = keep(this.flat.view('Parameters', shape, this.offset(name)));
      view.requiresGrad = true;
      this.views.set(name, view);
    }
  }

  get names(): string[] {
    return this.specs.map((s) => s.name);
  }
  /** Number of values, padding not counted. */
  get count(): number {
    return this.specs.reduce((n, s) => n + sizeOf(s.shape), 0);
  }
  /** The parameter's view, through which gradients flow. */
  get(name: string): Tensor {
    const view = this.views.get(name);
    if (!view) throw new ArgumentError('Parameters', `a name among ${this.names.join(', ')}`, `'${name}'`);
    return view;
  }
  has(name: string): boolean {
    return this.views.has(name);
  }
  /** All views, in order: what to differentiate with respect to. */
  list(): Tensor[] {
    return this.specs.map((s) => this.get(s.name));
  }
  /** Where a parameter begins in `flat`, in elements. */
  offset(name: string): number {
    const at = this.offsets.get(name);
    if (at === undefined) throw new ArgumentError('Parameters', `a name among ${this.names.join(', ')}`, `'${name}'`);
    return at;
  }

  /** A flat buffer laid out like the parameters, all of one value (0 between them). Owned by the caller. */
  like(value = 0): Tensor {
    const flat = keep(generate('Parameters', this.device, this.flat.shape, constant(0), [], 'f32'));
    if (value !== 0) {
      for (const { name, shape } of this.specs) {
        const view = flat.view('Parameters', shape, this.offset(name));
        view.write(new Float32Array(view.size).fill(value));
        view.dispose();
      }
    }
    return flat;
  }

  /** The part of a like-laid-out flat buffer that belongs to a parameter. */
  part(flat: Tensor, name: string): Tensor {
    if (!sameShape(flat.shape, this.flat.shape)) {
      throw new ShapeError('Parameters', `a flat tensor of shape ${showShape(this.flat.shape)}`, showShape(flat.shape));
    }
    return flat.view('Parameters', this.get(name).shape, this.offset(name));
  }

  /** Gathers one tensor a parameter (in order) into a flat buffer laid out like the parameters. */
  pack(tensors: readonly Tensor[], into: Tensor): void {
    const op = 'Parameters.pack';
    if (tensors.length !== this.specs.length)
      throw new ArgumentError(op, `${this.specs.length} tensors`, `${tensors.length}`);
    commonDevice(op, [into, ...tensors]);
    tensors.forEach((t, i) => {
      if (!sameShape(t.shape, this.specs[i].shape) || t.dtype !== 'f32') {
        throw new ShapeError(op, `f32${showShape(this.specs[i].shape)} for ${this.specs[i].name}`, String(t));
      }
    });
    if (!sameShape(into.shape, this.flat.shape) || into.dtype !== 'f32')
      throw new ShapeError(op, `to pack into ${this.flat}`, String(into));
    const all = tensors.map((tensor, i) => ({ tensor, offset: this.offset(this.specs[i].name) }));
    if (this.device.deviceClass !== 'software') {
      this.gather(all, into, true);
      return;
    }
    // Large ones on their own, by the shader with fewest loads to compile; the others together.
    for (const piece of all.filter(isLarge)) this.gather([piece], into, true);
    this.gather(
      all.filter((piece) => !isLarge(piece)),
      into,
      false,
    );
  }

  private gather(pieces: readonly Piece[], into: Tensor, vector: boolean): void {
    const { deviceClass, limits } = this.device;
    const software = deviceClass === 'software';
    const workgroup = software ? 16 : 64;
    const work = workgroup * (vector ? 4 : 1) * (software ? 16 : 1);
    const most = Math.min(limits.maxBindings - 1, 15);
    for (let from = 0; from < pieces.length; from += most) {
      const some = pieces.slice(from, from + most);
      const longest = Math.max(...some.map(({ tensor }) => tensor.size));
      this.device.run(
        packKernel,
        { tensors: some.length, workgroup, vector },
        {
          bindings: [...some.map(({ tensor }) => tensor), into].map((t) => t.binding('Parameters.pack')),
          params: some.flatMap(({ tensor, offset }) => [offset, tensor.size]),
          grid: [Math.max(1, Math.min(Math.ceil(longest / work), 1024)), 1, some.length],
          cost: { flops: 0, bytes: 2 * some.reduce((n, { tensor }) => n + tensor.bytes, 0) },
        },
      );
    }
  }

  /** Values by name, in the parameter's row-major order. */
  async read(): Promise<Map<string, Float32Array>> {
    const all = (await this.flat.data()) as Float32Array;
    return new Map(
      this.specs.map(({ name, shape }) => [name, all.slice(this.offset(name), this.offset(name) + sizeOf(shape))]),
    );
  }

  dispose(): void {
    for (const view of this.views.values()) view.dispose();
    this.flat.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}
