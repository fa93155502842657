import type { BufferPool, Lease } from './buffers.js';
import type { CompileAhead } from './compile-ahead.js';
import { BufferUsage } from './constants.js';
import { ArgumentError, LimitError } from './errors.js';
import type { Binding, Cost, Grid, Pipeline } from './kernel.js';

/** One fully resolved dispatch, ready to be encoded again. */
export interface ResolvedDispatch {
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
  readonly params: Uint32Array | null;
  readonly grid: Grid;
  readonly cost: Cost | null;
}

/** Sees every dispatch that is encoded while it is set. */
export interface Recorder {
  dispatch(d: ResolvedDispatch, bindings: readonly Binding[]): void;
  /** Called before anything that a replay could not repeat; throws. */
  refuse(what: string): void;
  /** A replay must be refused once this buffer is gone, though no dispatch may use it. */
  depend(on: Binding): void;
}

/** GPU time of one dispatch as a profile reports it. */
export interface ProfileRow {
  kernel: string;
  key: string;
  ns: number;
  grid: Grid;
  cost: Cost | null;
}

const SLOT = 256;
const RING_SLOTS = 1024;
const GROUP_CACHE = 8192;
const MAX_QUERIES = 2048;

/**
 * The one open command encoder and compute pass of a device. Dispatches are encoded at once and submitted every
 * `batch` dispatches, before a readback, or on `flush`.
 */
export class Stream {
  recorder: Recorder | null = null;
  /** Number of the submission that is being encoded. */
  serial = 0;
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  private pending = 0;
  private readonly ring: GPUBuffer;
  private readonly ringHost = new Uint32Array((RING_SLOTS * SLOT) / 4);
  private ringUsed = 0;
  private readonly groups = new Map<string, { group: GPUBindGroup; leases: readonly number[] }>();
  /** Keys of the bind groups that name a lease. */
  private readonly groupKeys = new Map<number, Set<string>>();
  private profiler: Profiler | null = null;
  /** Pipelines that were dispatched at least once. */
  private readonly started = new WeakSet<Pipeline>();

  constructor(
    private readonly device: GPUDevice,
    private readonly queue: GPUQueue,
    private readonly pool: BufferPool,
    private readonly maxGrid: number,
    private readonly batch: number,
    private readonly assertOpen: (op: string) => void,
    private readonly ahead: CompileAhead | null,
  ) {
    this.ring = device.createBuffer({ size: RING_SLOTS * SLOT, usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST });
    pool.onDestroy = (lease) => this.forget(lease);
  }

  dispatch(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    params: Uint32Array | null,
    grid: Grid,
    cost: Cost | null,
  ): void {
    const [x, y, z] = grid;
    if (x === 0 || y === 0 || z === 0) return;
    if (x > this.maxGrid || y > this.maxGrid || z > this.maxGrid) {
      throw new LimitError(pipeline.name, 'workgroups in one dimension', this.maxGrid, Math.max(x, y, z));
    }
    const group = this.bindGroup(pipeline, bindings);
    const d: ResolvedDispatch = { pipeline, group, params, grid, cost };
    for (const b of bindings) b.lease.lastUse = this.serial;
    this.recorder?.dispatch(d, bindings);
    if (pipeline.mode === 'uniform' && this.ringUsed === RING_SLOTS) this.flush();
    if (this.profiler) this.encodeProfiled(d, this.profiler);
    else this.encode(this.openPass(), d, pipeline.mode === 'uniform' ? this.ringSlot(params) : 0);
    if (++this.pending >= this.batch || this.isFirst(pipeline)) this.flush();
  }

  /**
   * Whether to submit at once because this pipeline was never dispatched. Software drivers compile it, or load it from
   * their cache, when its first dispatch runs: beside the encoding of the next ones, if another device does not see to that.
   */
  private isFirst(pipeline: Pipeline): boolean {
    if (this.started.has(pipeline)) return false;
    this.started.add(pipeline);
    if (this.profiler) return false;
    return !this.ahead?.offer(pipeline);
  }

  /** Encodes a captured list in one pass and one submit, between two lists of copies. */
  replay(list: readonly ResolvedDispatch[], before: CopyList, after: CopyList): void {
    this.flush();
    const profiler = this.profiler;
    let encoder = this.device.createCommandEncoder();
    for (const c of before)
      encoder.copyBufferToBuffer(c.from.lease.buffer, c.from.offset, c.to.lease.buffer, c.to.offset, c.bytes);
    let pass = profiler ? null : encoder.beginComputePass();
    let slot = 0;
    let last: Pipeline | null = null;
    for (const d of list) {
      if (profiler?.full) {
        profiler.resolve(encoder);
        this.queue.submit([encoder.finish()]);
        encoder = this.device.createCommandEncoder();
      }
      const into = pass ?? encoder.beginComputePass({ timestampWrites: profiler?.writes(d) });
      if (profiler || d.pipeline !== last) into.setPipeline((last = d.pipeline).pipeline);
      if (d.pipeline.mode === 'uniform') into.setBindGroup(0, d.group, [SLOT * slot++]);
      else into.setBindGroup(0, d.group);
      if (d.pipeline.mode === 'immediate' && d.params) into.setImmediates(0, d.params as Uint32Array<ArrayBuffer>);
      into.dispatchWorkgroups(d.grid[0], d.grid[1], d.grid[2]);
      if (profiler) into.end();
    }
    pass?.end();
    pass = null;
    profiler?.resolve(encoder);
    for (const c of after)
      encoder.copyBufferToBuffer(c.from.lease.buffer, c.from.offset, c.to.lease.buffer, c.to.offset, c.bytes);
    this.queue.submit([encoder.finish()]);
    this.serial++;
    this.pool.afterSubmit();
  }

  /** Copies bytes between buffers; offsets and size are multiples of 4. */
  copy(from: Binding, to: Binding, bytes: number): void {
    this.recorder?.refuse('a buffer copy');
    this.endPass();
    this.openEncoder().copyBufferToBuffer(from.lease.buffer, from.offset, to.lease.buffer, to.offset, bytes);
    from.lease.lastUse = to.lease.lastUse = this.serial;
  }

  /** Encodes a copy into a buffer outside the pool (a readback's staging buffer). */
  copyOut(from: Binding, to: GPUBuffer, bytes: number): void {
    this.endPass();
    this.openEncoder().copyBufferToBuffer(from.lease.buffer, from.offset, to, 0, bytes);
    from.lease.lastUse = this.serial;
  }

  /** Uploads host data. Writes overtake encoded commands, so a buffer in use by them is submitted first. */
  write(to: Binding, data: ArrayBufferView): void {
    this.assertOpen('upload');
    this.recorder?.refuse('an upload from the host');
    if (data.byteLength % 4 !== 0)
      throw new ArgumentError('upload', 'a multiple of 4 bytes', `${data.byteLength} bytes`);
    if (to.lease.lastUse === this.serial) this.flush();
    this.queue.writeBuffer(to.lease.buffer, to.offset, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }

  /** Submits what is encoded. */
  flush(): void {
    this.endPass();
    if (this.encoder) {
      if (this.ringUsed > 0) {
        this.queue.writeBuffer(this.ring, 0, this.ringHost, 0, (this.ringUsed * SLOT) / 4);
        this.ringUsed = 0;
      }
      const encoder = this.encoder;
      this.encoder = null;
      this.profiler?.resolve(encoder);
      this.queue.submit([encoder.finish()]);
      this.serial++;
      this.pending = 0;
    }
    this.pool.afterSubmit();
  }

  startProfile(): void {
    this.flush();
    this.profiler = new Profiler(this.device);
  }
  async stopProfile(wait: <T>(p: Promise<T>) => Promise<T>): Promise<ProfileRow[]> {
    this.flush();
    const profiler = this.profiler;
    this.profiler = null;
    return profiler ? profiler.rows(wait) : [];
  }

  /** Writes the parameters of a captured list into a uniform buffer of their own (null where none needs it). */
  uniformsFor(list: readonly ResolvedDispatch[]): GPUBuffer | null {
    const uniform = list.filter((d) => d.pipeline.mode === 'uniform');
    if (uniform.length === 0) return null;
    const host = new Uint32Array((uniform.length * SLOT) / 4);
    uniform.forEach((d, i) => {
      if (d.params) host.set(d.params, (i * SLOT) / 4);
    });
    const buffer = this.device.createBuffer({
      size: host.byteLength,
      usage: BufferUsage.UNIFORM | BufferUsage.COPY_DST,
    });
    this.queue.writeBuffer(buffer, 0, host);
    return buffer;
  }

  /** A bind group over the given uniform buffer instead of the ring. */
  groupOver(pipeline: Pipeline, bindings: readonly Binding[], uniforms: GPUBuffer): GPUBindGroup {
    return this.createGroup(pipeline, bindings, uniforms);
  }

  private ringSlot(params: Uint32Array | null): number {
    if (params) this.ringHost.set(params, (this.ringUsed * SLOT) / 4);
    return this.ringUsed++;
  }

  private encode(pass: GPUComputePassEncoder, d: ResolvedDispatch, slot: number): void {
    pass.setPipeline(d.pipeline.pipeline);
    if (d.pipeline.mode === 'uniform') pass.setBindGroup(0, d.group, [SLOT * slot]);
    else pass.setBindGroup(0, d.group);
    if (d.pipeline.mode === 'immediate' && d.params) pass.setImmediates(0, d.params as Uint32Array<ArrayBuffer>);
    pass.dispatchWorkgroups(d.grid[0], d.grid[1], d.grid[2]);
  }

  private encodeProfiled(d: ResolvedDispatch, profiler: Profiler): void {
    this.endPass();
    if (profiler.full) this.flush();
    const pass = this.openEncoder().beginComputePass({ timestampWrites: profiler.writes(d) });
    this.encode(pass, d, d.pipeline.mode === 'uniform' ? this.ringSlot(d.params) : 0);
    pass.end();
  }

  private openEncoder(): GPUCommandEncoder {
    this.encoder ??= this.device.createCommandEncoder();
    return this.encoder;
  }
  private openPass(): GPUComputePassEncoder {
    this.pass ??= this.openEncoder().beginComputePass();
    return this.pass;
  }
  private endPass(): void {
    this.pass?.end();
    this.pass = null;
  }

  private bindGroup(pipeline: Pipeline, bindings: readonly Binding[]): GPUBindGroup {
    let key = `${pipeline.id}`;
    for (const b of bindings) key += `,${b.lease.id}:${b.offset}:${b.size}`;
    const hit = this.groups.get(key);
    if (hit) return hit.group;
    const group = this.createGroup(pipeline, bindings, this.ring);
    if (this.groups.size >= GROUP_CACHE) {
      this.groups.clear();
      this.groupKeys.clear();
    }
    const leases = bindings.map((b) => b.lease.id);
    this.groups.set(key, { group, leases });
    for (const id of leases) {
      const keys = this.groupKeys.get(id);
      if (keys) keys.add(key);
      else this.groupKeys.set(id, new Set([key]));
    }
    return group;
  }

  private createGroup(pipeline: Pipeline, bindings: readonly Binding[], uniforms: GPUBuffer): GPUBindGroup {
    const entries: GPUBindGroupEntry[] = bindings.map((b, binding) => ({
      binding,
      resource: { buffer: b.lease.buffer, offset: b.offset, size: b.size },
    }));
    if (pipeline.mode === 'uniform') {
      entries.push({ binding: bindings.length, resource: { buffer: uniforms, offset: 0, size: SLOT } });
    }
    return this.device.createBindGroup({ layout: pipeline.layout, entries });
  }

  private forget(lease: Lease): void {
    for (const key of this.groupKeys.get(lease.id) ?? []) {
      for (const id of this.groups.get(key)?.leases ?? []) if (id !== lease.id) this.groupKeys.get(id)?.delete(key);
      this.groups.delete(key);
    }
    this.groupKeys.delete(lease.id);
  }

  destroy(): void {
    this.pass = null;
    this.encoder = null;
    this.groups.clear();
    this.groupKeys.clear();
    this.ring.destroy();
  }
}

export type CopyList = readonly { from: Binding; to: Binding; bytes: number }[];

/** Timestamps around every dispatch, each in a pass of its own. */
class Profiler {
  private readonly set: GPUQuerySet;
  private readonly dispatches: ResolvedDispatch[] = [];
  private readonly results: { buffer: GPUBuffer; from: number; to: number }[] = [];
  private open = 0;

  constructor(private readonly device: GPUDevice) {
    this.set = device.createQuerySet({ type: 'timestamp', count: MAX_QUERIES });
  }
  get full(): boolean {
    return (this.open + 1) * 2 > MAX_QUERIES;
  }
  writes(d: ResolvedDispatch): GPUComputePassTimestampWrites {
    this.dispatches.push(d);
    const i = this.open++;
    return { querySet: this.set, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
  }
  resolve(encoder: GPUCommandEncoder): void {
    if (this.open === 0) return;
    const size = this.open * 16;
    const resolved = this.device.createBuffer({ size, usage: BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC });
    const buffer = this.device.createBuffer({ size, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
    encoder.resolveQuerySet(this.set, 0, this.open * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, buffer, 0, size);
    const to = this.dispatches.length;
    this.results.push({ buffer, from: to - this.open, to });
    this.open = 0;
  }
  async rows(wait: <T>(p: Promise<T>) => Promise<T>): Promise<ProfileRow[]> {
    const rows: ProfileRow[] = [];
    for (const r of this.results) {
      await wait(r.buffer.mapAsync(0x0001));
      const times = new BigUint64Array(r.buffer.getMappedRange().slice(0));
      r.buffer.destroy();
      for (let i = r.from; i < r.to; i++) {
        const d = this.dispatches[i];
        const k = 2 * (i - r.from);
        rows.push({
          kernel: d.pipeline.name,
          key: d.pipeline.key,
          ns: Number(times[k + 1] - times[k]),
          grid: d.grid,
          cost: d.cost,
        });
      }
    }
    this.set.destroy();
    return rows;
  }
}
