import { type AdapterFacts, adapterFacts, type DeviceClass, requestDevice } from './adapter.js';
import { BufferPool, type Lease, type MemoryReport } from './buffers.js';
import { CompileAhead, type CompiledTexts } from './compile-ahead.js';
import { BufferUsage, MapRead } from './constants.js';
import type { DriverFacts } from './dawn.js';
import {
  CaptureError,
  DeviceLostError,
  DisposedError,
  NoDeviceError,
  OutOfMemoryError,
  type SecateurError,
  ShaderError,
  ValidationError,
} from './errors.js';
import { type Binding, type Cost, type Grid, type Kernel, packParams } from './kernel.js';
import { checkOptions, type OpenDeviceOptions } from './open-options.js';
import { PipelineCache } from './pipelines.js';
import { type ProfileRow, Stream } from './stream.js';
import { checkTuned, type TunedTable } from './tuned-table.js';

export type { OpenDeviceOptions };

/** Waits for a promise of the GPU's without burning the core that the software driver needs. */
type Wait = <T>(promise: Promise<T>) => Promise<T>;

/** Everything that a kernel launch needs besides the kernel: bindings in declared order, parameters, grid, cost. */
export interface Launch {
  bindings: readonly Binding[];
  params?: readonly number[];
  grid: Grid;
  cost?: Cost;
}

let opened = 0;

/**
 * A WebGPU device with its pool of buffers, pipeline cache and command stream. Ops reach it through their tensors.
 * Errors that the GPU finds later (validation, memory, loss) are thrown by the next awaited call.
 */
export class Device {
  readonly id = ++opened;
  readonly facts: AdapterFacts;
  readonly driver: DriverFacts | null;
  /** The class that the rules of kernel choice go by. */
  readonly deviceClass: DeviceClass;
  /** Measured choices that come before the rules. */
  readonly tuned: TunedTable | null;
  /** Lanes in a subgroup, or 0 where the adapter has no subgroups or does not fix their size. */
  readonly subgroupSize: number;
  readonly hasF16: boolean;
  readonly hasTimestamps: boolean;
  readonly limits: {
    maxBinding: number;
    maxWorkgroups: number;
    maxBindings: number;
    workgroupStorage: number;
    maxInvocations: number;
    offsetAlignment: number;
  };
  readonly pool: BufferPool;
  readonly stream: Stream;
  readonly pipelines: PipelineCache;
  /** Number of live tensors; the tensor module keeps it. */
  tensorCount = 0;
  /** Set while a compiled step is running plainly or being captured: readbacks are refused. */
  insideStep = false;
  private readonly queue: GPUQueue;
  /** Compiles beside this device; null where the driver does so itself or has no core for it. */
  readonly ahead: CompileAhead | null;
  private readonly wait: Wait;
  private readonly staging = new Map<number, GPUBuffer[]>();
  private failure: SecateurError | null = null;
  private closed = false;

  constructor(
    readonly gpuDevice: GPUDevice,
    facts: AdapterFacts,
    driver: DriverFacts | null,
    options: OpenDeviceOptions,
    wait: Wait,
    private readonly onClose: () => void = () => {},
    /** How to open a second device, on which to compile beside this one; and what needs no compilation. */
    beside: { openSecond: () => Promise<GPUDevice>; compiled: CompiledTexts } | null = null,
  ) {
    this.facts = facts;
    this.driver = driver;
    this.wait = wait;
    this.queue = gpuDevice.queue;
    this.deviceClass = options.deviceClass ?? facts.deviceClass;
    this.tuned = options.tuned ?? null;
    const features = gpuDevice.features as ReadonlySet<string>;
    this.hasF16 = features.has('shader-f16');
    this.hasTimestamps = features.has('timestamp-query');
    this.subgroupSize =
      features.has('subgroups') && facts.subgroupMinSize === facts.subgroupMaxSize ? facts.subgroupMinSize : 0;
    const limits = gpuDevice.limits as GPUSupportedLimits & { maxImmediateSize?: number };
    this.limits = {
      maxBinding: Math.floor(limits.maxStorageBufferBindingSize / 16) * 16,
      maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
      maxBindings: limits.maxStorageBuffersPerShaderStage,
      workgroupStorage: limits.maxComputeWorkgroupStorageSize,
      maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
      offsetAlignment: Math.max(16, limits.minStorageBufferOffsetAlignment),
    };
    const hostShare =
      driver && facts.deviceClass === 'software' ? Math.floor(driver.totalMemory * 0.8) : Number.POSITIVE_INFINITY;
    this.pool = new BufferPool(
      gpuDevice,
      {
        maxBufferSize: limits.maxBufferSize,
        maxBinding: this.limits.maxBinding,
        budget: options.memoryBudget ?? hostShare,
      },
      options.poolCap ?? 2 ** 30,
    );
    if (options.poison) this.pool.onAcquire = (lease) => this.fillWithNan(lease);
    const immediates = facts.languageFeatures.includes('immediate_address_space')
      ? Math.min(64, limits.maxImmediateSize ?? 0)
      : 0;
    this.ahead = beside && new CompileAhead(beside.openSecond, immediates, wait, beside.compiled);
    this.stream = new Stream(
      gpuDevice,
      this.queue,
      this.pool,
      this.limits.maxWorkgroups,
      256,
      (op) => this.assertOpen(op),
      this.ahead,
    );
    const report = (error: Error) => this.fail(error as SecateurError);
    this.pipelines = new PipelineCache(gpuDevice, immediates, report, this.deviceClass === 'software');
    gpuDevice.onuncapturederror = (event) => {
      event.preventDefault(); // reported by the next await, not on the console
      const message = event.error.message;
      const outOfMemory =
        event.error.constructor.name === 'GPUOutOfMemoryError' ||
        /out of memory|OUT_OF_(HOST|DEVICE)_MEMORY/i.test(message);
      this.fail(outOfMemory ? new OutOfMemoryError(message) : new ValidationError(message));
    };
    gpuDevice.lost.then((info) => {
      if (!this.closed) this.fail(new DeviceLostError(info.reason, info.message));
    });
  }

  /** Name for messages and results, for example `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  get name(): string {
    return this.facts.name;
  }

  /** Encodes one kernel launch. Nothing is launched where the grid has a zero. */
  run<S>(kernel: Kernel<S>, spec: S, launch: Launch): void {
    this.assertOpen(kernel.name);
    const pipeline = this.pipelines.get(kernel, spec);
    const params = pipeline.params.length > 0 ? packParams(kernel.name, pipeline.params, launch.params ?? []) : null;
    this.stream.dispatch(pipeline, launch.bindings, params, launch.grid, launch.cost ?? null);
  }

  /** Submits what is encoded, waits until the GPU is done, and throws what went wrong meanwhile. */
  async sync(): Promise<void> {
    this.assertOpen('sync');
    this.refuseInsideStep('sync');
    this.stream.flush();
    await this.settle(this.queue.onSubmittedWorkDone());
  }

  /** Copies `bytes` bytes of a binding to the host. */
  async read(binding: Binding, bytes: number): Promise<ArrayBuffer> {
    this.assertOpen('read');
    this.refuseInsideStep('a readback');
    if (this.failure) await this.settle(Promise.resolve());
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const staging =
      this.staging.get(size)?.pop() ??
      this.gpuDevice.createBuffer({ size, usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST });
    this.stream.copyOut(binding, staging, Math.ceil(bytes / 4) * 4);
    this.stream.flush();
    await this.settle(staging.mapAsync(MapRead, 0, size));
    const data = staging.getMappedRange(0, size).slice(0, bytes);
    staging.unmap();
    // Small staging buffers are kept (metrics are read every step); large ones are not worth their memory.
    const kept = this.staging.get(size) ?? [];
    if (size <= 1 << 20 && kept.length < 4 && this.staging.size < 64) this.staging.set(size, [...kept, staging]);
    else staging.destroy();
    return data;
  }

  /** Bytes and tensors on this device. */
  memory(): MemoryReport {
    return { live: this.pool.live, pooled: this.pool.pooled, peak: this.pool.peak, tensors: this.tensorCount };
  }

  /** Runs `fn` with GPU timestamps around every dispatch and returns one row a dispatch; needs timestamp-query. */
  async profile(fn: () => unknown): Promise<ProfileRow[]> {
    this.assertOpen('profile');
    if (!this.hasTimestamps)
      throw new NoDeviceError(`profile: expected an adapter with timestamp-query, got ${this.name}`);
    this.stream.startProfile();
    try {
      await fn();
    } finally {
      this.stream.flush();
    }
    const rows = await this.stream.stopProfile(this.wait);
    this.throwFailure();
    return rows;
  }

  /**
   * Waits for outstanding work, destroys the device and everything on it. Afterwards the process can end by itself.
   * Closing twice is harmless.
   */
  async close(): Promise<void> {
    if (this.closed) return;
    try {
      if (!this.failure) {
        this.stream.flush();
        await this.wait(this.queue.onSubmittedWorkDone());
      }
    } finally {
      this.closed = true;
      await this.ahead?.close();
      this.stream.destroy();
      for (const list of this.staging.values()) for (const b of list) b.destroy();
      this.gpuDevice.destroy();
      this.onClose();
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get isClosed(): boolean {
    return this.closed;
  }

  assertOpen(op: string): void {
    if (this.closed) throw new DisposedError(op, `the device ${this.name}`);
    if (this.failure instanceof DeviceLostError) throw this.failure;
  }
  private fillWithNan(lease: Lease): void {
    if (this.stream.recorder) return; // a capture's buffers are written again at every replay
    this.stream.flush();
    this.queue.writeBuffer(lease.buffer, 0, new Uint32Array(lease.size / 4).fill(0x7fc00000));
  }
  private refuseInsideStep(what: string): void {
    if (this.insideStep) {
      throw new CaptureError(
        `${what} inside a compiled step cannot be replayed: return the tensor and read it outside`,
      );
    }
  }

  /** Waits; a failure found meanwhile wins over the promise's own rejection, because it says why. */
  private async settle<T>(promise: Promise<T>): Promise<T> {
    const [outcome] = await Promise.allSettled([this.wait(promise)]);
    this.ahead?.reached();
    while (this.pipelines.checks.size > 0) await this.wait(Promise.all(this.pipelines.checks));
    this.throwFailure();
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }
  private fail(error: SecateurError): void {
    // The first failure explains the later ones, save that a shader's diagnostics arrive after its first refused use.
    const explains =
      error instanceof ShaderError && !(this.failure instanceof ShaderError || this.failure instanceof DeviceLostError);
    if (!this.failure || explains) this.failure = error;
  }
  private throwFailure(): void {
    const failure = this.failure;
    if (!failure) return;
    if (!(failure instanceof DeviceLostError)) this.failure = null; // reported once; the device lives on
    throw failure;
  }
}

/**
 * Opens a WebGPU device: Dawn in Node (a GPU, or the software driver that `npm run setup` unpacks), `navigator.gpu` in
 * a browser, or the implementation given.
 *
 * @throws NoDeviceError when no adapter fits the options, naming what was asked for and what was found.
 */
export async function openDevice(options: OpenDeviceOptions = {}): Promise<Device> {
  checkOptions(options);
  const { gpu, driver, compiled: compiledBefore, wait, retain, release } = await findGpu(options);
  const adapter = await gpu.requestAdapter();
  if (!adapter) {
    if (options.prefer === 'gpu')
      throw new NoDeviceError("openDevice: expected a GPU, found no adapter among the system's own");
    throw new NoDeviceError(
      driver
        ? 'no WebGPU adapter on this machine: run `npx secateur setup` for a software driver, and `npx secateur doctor` to see what is wrong'
        : 'no WebGPU adapter: this browser has no GPU that it allows',
    );
  }
  const facts = adapterFacts(gpu, adapter);
  const wanted = options.adapter?.toLowerCase();
  if (
    wanted !== undefined &&
    !`${facts.name} ${facts.vendor} ${facts.architecture} ${facts.description}`.toLowerCase().includes(wanted)
  ) {
    throw new NoDeviceError(
      `openDevice: expected an adapter matching '${options.adapter}', found '${facts.name}' (${facts.vendor})`,
    );
  }
  if (options.prefer === 'gpu' && facts.deviceClass === 'software') {
    throw new NoDeviceError(`openDevice: expected a GPU, found only the software device '${facts.name}'`);
  }
  if (options.prefer === 'software' && facts.deviceClass !== 'software') {
    throw new NoDeviceError(`openDevice: expected a software device, found only '${facts.name}' (${facts.vendor})`);
  }
  if (options.tuned !== undefined) checkTuned(options.tuned, facts.name);
  const gpuDevice = await requestDevice(adapter);
  const held: object[] = [adapter, gpuDevice];
  const openSecond = async () => {
    const other = await gpu.requestAdapter();
    if (!other) throw new NoDeviceError('the adapter is gone');
    const second = await requestDevice(other);
    held.push(other, second);
    retain(other, second);
    return second;
  };
  // One thread of a software driver compiles all that one device uses: with cores to spare a second device helps.
  const compiled = (driver?.threads ?? 0) > 1 ? compiledBefore(`${facts.name} ${facts.description}`) : null;
  // Dawn in Node can crash at exit when these live only inside an imported module.
  retain(...held);
  const beside = compiled && { openSecond, compiled };
  const device = new Device(gpuDevice, facts, driver, options, wait, () => release(...held), beside);
  if (compiled?.size === 0) await device.ahead?.open();
  return device;
}

interface FoundGpu {
  gpu: GPU;
  driver: DriverFacts | null;
  compiled(driverVersion: string): CompiledTexts | null;
  wait: Wait;
  retain(...objects: object[]): void;
  release(...objects: object[]): void;
}

async function findGpu(options: OpenDeviceOptions): Promise<FoundGpu> {
  const plain = {
    driver: null,
    compiled: () => null,
    wait: (<T>(promise: Promise<T>) => promise) as Wait,
    retain: () => {},
    release: () => {},
  };
  if (options.gpu) return { ...plain, gpu: options.gpu };
  const host = globalThis as { process?: { versions?: { node?: string } }; navigator?: { gpu?: GPU } };
  if (host.process?.versions?.node) {
    const { loadDawn, throttledWait } = await import('./dawn.js');
    const toggles = options.toggles;
    const driver = options.prefer === 'software' ? 'software' : options.prefer === 'gpu' ? 'system' : 'auto';
    const dawn = await loadDawn({ driver, threads: options.threads, toggles, adapter: options.adapter });
    return { ...dawn, wait: throttledWait };
  }
  if (host.navigator?.gpu) return { ...plain, gpu: host.navigator.gpu };
  throw new NoDeviceError('openDevice: expected Node or a browser with navigator.gpu, found neither');
}
