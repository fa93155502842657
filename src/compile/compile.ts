import type { Arena, Lease } from '../gpu/buffers.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError, CaptureError, DisposedError } from '../gpu/errors.js';
import type { Binding } from '../gpu/kernel.js';
import type { ResolvedDispatch } from '../gpu/stream.js';
import { clone } from '../ops/pointwise.js';
import { collect, keep, type Owned, scope } from '../tensor/scope.js';
import { sameShape } from '../tensor/shape.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';

/** What a compiled step does, for people and tests. */
export interface StepReport {
  dispatches: number;
  /** Dispatches by kernel name. */
  kernels: Record<string, number>;
  /** Distinct pipelines. */
  pipelines: number;
  /** Bytes that the step keeps for its intermediates. */
  bytes: number;
  flops: number;
}

/** A step that replays itself. Call it like the function it was made of. */
export interface CompiledStep<A extends readonly Tensor[], R> {
  (...inputs: A): R;
  /** `plain` before the first call, `captured` from the second on. */
  readonly state: 'new' | 'plain' | 'captured' | 'disposed';
  report(): StepReport;
  /** A printable list: one line a dispatch. */
  toString(): string;
  /** Gives the step's memory back. Calling it afterwards is an error. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Compiles a step: the first call runs it plainly, the second records its dispatches, and later calls replay them in
 * one pass and one submit, without running the function again. The results are the same bytes as the plain ones.
 *
 * Whatever changes from call to call must be on the device: the inputs (their values are copied in), parameters and
 * optimiser state (updated in place), random generators, batch counters. Host numbers are frozen at the second call.
 * Results are fresh tensors each time.
 *
 * @throws CaptureError when the step reads back, uploads, keeps tensors, or is called with other shapes
 * @throws DisposedError when something that it captured is gone
 */
export function compile<A extends readonly Tensor[], R>(device: Device, step: (...inputs: A) => R): CompiledStep<A, R> {
  let state: CompiledStep<A, R>['state'] = 'new';
  let capture: Capture<R> | null = null;
  const run = (...inputs: A): R => {
    if (state === 'disposed') throw new DisposedError('compile', 'the step');
    if (device.insideStep) throw new CaptureError('a compiled step cannot run inside another');
    inputs.forEach((t, i) => {
      if (!(t instanceof Tensor))
        throw new ArgumentError('compile', `a tensor as input ${i} (host values would be frozen)`, typeof t);
    });
    if (inputs.length > 0 && commonDevice('compile', inputs) !== device)
      throw new ArgumentError('compile', "inputs on the step's device", 'another');
    if (state === 'new') {
      const result = inside(device, () => scope(() => step(...inputs)));
      state = 'plain';
      return result;
    }
    if (!capture) {
      capture = record(device, step, inputs);
      state = 'captured';
      return capture.results(device);
    }
    return capture.replay(device, inputs);
  };
  const need = (): Capture<R> => {
    if (!capture) throw new CaptureError(`the step has nothing to report before its second call (it is ${state})`);
    return capture;
  };
  const dispose = () => {
    if (capture && !device.isClosed) capture.dispose(device);
    capture = null;
    state = 'disposed';
  };
  return Object.defineProperties(run, {
    state: { get: () => state },
    report: { value: () => need().report() },
    toString: { value: () => need().print() },
    dispose: { value: dispose },
    [Symbol.dispose]: { value: dispose },
  }) as CompiledStep<A, R>;
}

function inside<T>(device: Device, fn: () => T): T {
  device.insideStep = true;
  try {
    return fn();
  } finally {
    device.insideStep = false;
  }
}

const DISPOSES = 'the step disposes a tensor made outside of it: a replay could not do that again';

function record<A extends readonly Tensor[], R>(device: Device, step: (...inputs: A) => R, inputs: A): Capture<R> {
  const list: ResolvedDispatch[] = [];
  const bound: (readonly Binding[])[] = [];
  // Inputs get buffers of the step's own, so that a replay can take other tensors.
  device.stream.flush();
  const arena = device.pool.beginArena();
  const isOwn = (t: Owned): t is Tensor =>
    t instanceof Tensor && !t.isDisposed && t.binding('compile').lease.arena === arena;
  const slots: Tensor[] = [];
  const outputs = new Set<Owned>();
  const externals = new Map<Lease, number>();
  const before = device.tensorCount;
  const depend = ({ lease }: Binding) => {
    if (lease.arena !== arena && !externals.has(lease)) externals.set(lease, lease.generation);
  };
  try {
    for (const t of inputs) slots.push(keep(clone(t)));
    device.stream.recorder = {
      dispatch: (d, bindings) => {
        list.push(d);
        bound.push(bindings);
        bindings.forEach(depend);
      },
      depend,
      refuse: (what) => {
        throw new CaptureError(`${what} inside a compiled step cannot be replayed: do it outside and pass a tensor`);
      },
    };
    const value = inside(device, () => scope(() => step(...(slots as unknown as A))));
    collect(value, outputs);
    for (const [lease, generation] of externals) {
      if (lease.generation !== generation) throw new CaptureError(DISPOSES);
    }
    const own = [...outputs].filter(isOwn);
    const kept = device.tensorCount - before - new Set([...slots, ...own]).size;
    if (kept > 0)
      throw new CaptureError(`the step keeps ${kept} tensors beyond its results: a replay would overwrite them`);
    if (kept < 0) throw new CaptureError(DISPOSES);
    for (const t of own) keep(t);
    return new Capture(device, arena, slots, value, own, list, bound, externals);
  } catch (error) {
    for (const t of [...slots, ...outputs].filter(isOwn)) t.dispose();
    device.pool.endArena();
    device.pool.releaseArena(arena);
    throw error;
  } finally {
    device.stream.recorder = null;
    device.pool.endArena();
  }
}

class Capture<R> {
  private readonly list: ResolvedDispatch[];
  private readonly uniforms: GPUBuffer | null;

  constructor(
    device: Device,
    private readonly arena: Arena,
    private readonly slots: readonly Tensor[],
    private readonly value: R,
    private readonly own: readonly Tensor[],
    list: readonly ResolvedDispatch[],
    bound: readonly (readonly Binding[])[],
    /** Buffers from outside that the step reads or writes, by the generation in which it met them. */
    private readonly externals: ReadonlyMap<Lease, number>,
  ) {
    this.uniforms = device.stream.uniformsFor(list);
    this.list = list.map((d, i) =>
      d.pipeline.mode === 'uniform' && this.uniforms
        ? { ...d, group: device.stream.groupOver(d.pipeline, bound[i], this.uniforms) }
        : d,
    );
  }

  /** Copies of the results of the run just captured. */
  results(device: Device): R {
    const copies = this.fresh();
    device.stream.flush();
    for (const [from, to] of copies)
      if (from.size > 0) device.stream.copy(from.binding('compile'), to.binding('compile'), bytesOf(from));
    return replaceTensors(this.value, copies) as R;
  }

  replay(device: Device, inputs: readonly Tensor[]): R {
    if (inputs.length !== this.slots.length)
      throw new CaptureError(`the step was captured with ${this.slots.length} inputs, got ${inputs.length}`);
    inputs.forEach((t, i) => {
      const slot = this.slots[i];
      if (!sameShape(t.shape, slot.shape) || t.dtype !== slot.dtype)
        throw new CaptureError(`input ${i} was captured as ${slot}, got ${t}`);
    });
    for (const [lease, generation] of this.externals) {
      if (lease.generation !== generation) throw new DisposedError('compile', 'a tensor that the step captured');
    }
    device.assertOpen('compile');
    const copies = this.fresh();
    const copy = (from: Tensor, to: Tensor) => ({
      from: from.binding('compile'),
      to: to.binding('compile'),
      bytes: bytesOf(from),
    });
    const filled = (pair: { bytes: number }) => pair.bytes > 0;
    device.stream.replay(
      this.list,
      inputs.map((t, i) => copy(t, this.slots[i])).filter(filled),
      [...copies].map(([from, to]) => copy(from, to)).filter(filled),
    );
    return replaceTensors(this.value, copies) as R;
  }

  private fresh(): Map<Tensor, Tensor> {
    const copies = new Map<Tensor, Tensor>();
    try {
      for (const t of this.own) copies.set(t, Tensor.empty('compile', t.device, t.dtype, t.shape));
    } catch (error) {
      for (const t of copies.values()) t.dispose();
      throw error;
    }
    return copies;
  }

  report(): StepReport {
    const kernels: Record<string, number> = {};
    for (const d of this.list) kernels[d.pipeline.name] = (kernels[d.pipeline.name] ?? 0) + 1;
    return {
      dispatches: this.list.length,
      kernels,
      pipelines: new Set(this.list.map((d) => d.pipeline)).size,
      bytes: this.arena.bytes,
      flops: this.list.reduce((n, d) => n + (d.cost?.flops ?? 0), 0),
    };
  }

  print(): string {
    const rows = this.list.map(
      (d, i) =>
        `${String(i).padStart(4)}  ${d.pipeline.name.padEnd(18)} ${d.grid.join(' x ').padEnd(16)} ${((d.cost?.flops ?? 0) / 1e6).toFixed(2)} Mflop  ${((d.cost?.bytes ?? 0) / 2 ** 20).toFixed(2)} MiB`,
    );
    const { dispatches, pipelines, bytes, flops } = this.report();
    return [
      `step: ${dispatches} dispatches, ${pipelines} pipelines, ${(flops / 1e9).toFixed(3)} Gflop, ${(bytes / 2 ** 20).toFixed(1)} MiB`,
      ...rows,
    ].join('\n');
  }

  dispose(device: Device): void {
    device.stream.flush();
    for (const t of [...this.slots, ...this.own]) t.dispose();
    device.pool.releaseArena(this.arena);
    this.uniforms?.destroy();
  }
}

/** Bytes to copy: whole words, inside both buffers' padding. */
const bytesOf = (t: Tensor): number => Math.ceil(t.bytes / 4) * 4;

/** The same arrays, objects, Maps and Sets with tensors exchanged. */
function replaceTensors(value: unknown, by: ReadonlyMap<Tensor, Tensor>): unknown {
  if (value instanceof Tensor) return by.get(value) ?? value;
  if (Array.isArray(value)) return value.map((v) => replaceTensors(v, by));
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [k, replaceTensors(v, by)]));
  if (value instanceof Set) return new Set([...value].map((v) => replaceTensors(v, by)));
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, replaceTensors(v, by)]));
  }
  return value;
}
