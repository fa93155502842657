import { BufferUsage } from './constants.js';
import { LimitError, OutOfMemoryError } from './errors.js';

/** A GPU buffer on lease from the pool. `size` is the leased size in bytes, a multiple of 16. */
export interface Lease {
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly size: number;
  /** Number of the submission that last used this buffer; lets uploads know when they must flush first. */
  lastUse: number;
  /** Counts how often the buffer was given back: tells a step whether what it captured is still the same lease. */
  generation: number;
  /** The captured step that owns this buffer, if one does. */
  arena: Arena | null;
}

/** Bytes on the device, as `Device.memory()` reports them. */
export interface MemoryReport {
  /** Bytes of buffers held by tensors and compiled steps. */
  live: number;
  /** Bytes of buffers kept for re-use. */
  pooled: number;
  /** Highest value of live since the device was opened or `resetPeak` was called. */
  peak: number;
  /** Number of live tensors (views count). */
  tensors: number;
}

const ALIGN = 16;

/**
 * An exact-size pool of storage buffers with a cap. Freed buffers of one size serve the next request of that size:
 * a training step asks for the same sizes every time, so the second step allocates nothing. Over the cap the oldest
 * go first. Destruction waits for the next submit, because commands already encoded may still name the buffer.
 */
export class BufferPool {
  private readonly free = new Map<number, Lease[]>();
  private readonly doomed: Lease[] = [];
  private nextId = 1;
  private liveBytes = 0;
  private pooledBytes = 0;
  private peakBytes = 0;
  private arena: Arena | null = null;
  /** Called with a lease whose buffer is about to be destroyed (the bind group cache drops its entries). */
  onDestroy: (lease: Lease) => void = () => {};

  /** Called with every lease handed out (the poisoning of tests). */
  onAcquire: (lease: Lease) => void = () => {};

  constructor(
    private readonly device: GPUDevice,
    private readonly limits: { maxBufferSize: number; maxBinding: number; budget: number },
    private readonly cap: number,
  ) {}

  get live(): number {
    return this.liveBytes;
  }
  get pooled(): number {
    return this.pooledBytes;
  }
  get peak(): number {
    return this.peakBytes;
  }
  resetPeak(): void {
    this.peakBytes = this.liveBytes;
  }

  /** Refuses, with numbers, a size that no single binding can hold. */
  check(op: string, bytes: number): void {
    if (bytes > this.limits.maxBinding) throw new LimitError(op, 'bytes in one tensor', this.limits.maxBinding, bytes);
    if (bytes > this.limits.maxBufferSize)
      throw new LimitError(op, 'bytes in one buffer', this.limits.maxBufferSize, bytes);
  }

  acquire(op: string, bytes: number): Lease {
    this.check(op, bytes);
    const size = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    const fromArena = this.arena?.free.get(size)?.pop();
    if (fromArena) return fromArena;
    const list = this.free.get(size);
    let lease = list?.pop();
    if (lease) {
      if (list?.length === 0) this.free.delete(size);
      this.pooledBytes -= size;
    } else {
      lease = this.create(op, size);
    }
    this.liveBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.liveBytes);
    if (this.arena) {
      lease.arena = this.arena;
      this.arena.owned.add(lease);
    }
    this.onAcquire(lease);
    return lease;
  }

  release(lease: Lease): void {
    lease.generation++;
    if (lease.arena) {
      // Inside a capture a freed buffer serves later dispatches of the same step and stays with it afterwards.
      const list = lease.arena.free.get(lease.size);
      if (list) list.push(lease);
      else lease.arena.free.set(lease.size, [lease]);
      return;
    }
    this.liveBytes -= lease.size;
    this.pooledBytes += lease.size;
    const list = this.free.get(lease.size);
    if (list) list.push(lease);
    else this.free.set(lease.size, [lease]);
    this.trim(this.cap);
  }

  /** Destroys pooled buffers, oldest size first, until at most `cap` bytes are pooled. */
  trim(cap: number): void {
    for (const [size, list] of this.free) {
      while (this.pooledBytes > cap) {
        const lease = list.shift();
        if (!lease) break;
        this.pooledBytes -= size;
        this.doomed.push(lease);
      }
      if (list.length === 0) this.free.delete(size);
      if (this.pooledBytes <= cap) break;
    }
  }

  /** Called right after a submit: nothing encoded names these buffers any more. */
  afterSubmit(): void {
    for (const lease of this.doomed) {
      this.onDestroy(lease);
      lease.buffer.destroy();
    }
    this.doomed.length = 0;
  }

  /** Starts an arena: until `endArena`, new leases belong to it and are re-used only inside it. */
  beginArena(): Arena {
    const arena = new Arena();
    this.arena = arena;
    return arena;
  }
  endArena(): void {
    this.arena = null;
  }
  /** Ends an arena's ownership: its free buffers go to the pool, and those that tensors still hold when these let go. */
  releaseArena(arena: Arena): void {
    for (const lease of arena.owned) lease.arena = null;
    for (const list of arena.free.values()) for (const lease of list) this.release(lease);
    arena.owned.clear();
    arena.free.clear();
  }

  private create(op: string, size: number): Lease {
    if (this.liveBytes + this.pooledBytes + size > this.limits.budget) {
      this.trim(0);
      if (this.liveBytes + size > this.limits.budget) {
        throw new OutOfMemoryError(
          `${op}: ${size} more bytes would exceed the memory budget of ${this.limits.budget} bytes (${this.liveBytes} live)`,
        );
      }
    }
    const buffer = this.device.createBuffer({
      size,
      usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST,
    });
    return { id: this.nextId++, buffer, size, lastUse: -1, generation: 0, arena: null };
  }
}

/** The buffers of one captured step. */
export class Arena {
  readonly owned = new Set<Lease>();
  readonly free = new Map<number, Lease[]>();
  /** Bytes that the step keeps for itself. */
  get bytes(): number {
    let n = 0;
    for (const lease of this.owned) n += lease.size;
    return n;
  }
}
