import { BufferUsage } from './constants.js';
import type { Pipeline } from './kernel.js';
import { PipelineCache } from './pipelines.js';

/** Bytes behind every binding of a dispatch that is only compiled: as many as the largest fixed-size binding may ask. */
const BINDING = 1 << 16;

/** Texts of pipelines that the driver's shader cache holds, as far as is known. */
export interface CompiledTexts {
  readonly size: number;
  has(text: string): boolean;
  add(texts: readonly string[]): void;
}

/**
 * Compiles pipelines on a second device of the same software driver, beside the first one.
 *
 * Mesa's software driver compiles a pipeline when its first dispatch runs, 0.03 to 0.8 s each, on the one thread of a
 * device's queue, and until a submission has run it makes no pipeline on that device. What another device of the process
 * has compiled is found in the driver's shader cache. So while this thread translates kernels for the first device,
 * which is not told to run them yet, the second one compiles what has been translated; and once the first device runs,
 * compiling from the first dispatch on, the second one goes from the last towards it.
 */
export class CompileAhead {
  private compiler: Compiler | null = null;
  private opening: Promise<void> | null = null;
  /** What the first device has not reached for all that is known, in the order of its dispatches. */
  private readonly waiting: Pipeline[] = [];
  /** Texts that were not in the driver's cache, offered since the first device last had run everything. */
  private fresh: string[] = [];
  /** The compilation under way; resolves when it is done. */
  private busy: Promise<void> | null = null;
  /** When it should be done, by `performance.now()`: while this thread encodes, no promise tells. */
  private busyUntil = 0;
  private stopped = false;

  /**
   * @param openSecond opens the second device
   * @param compiled what needs no compilation
   */
  constructor(
    private readonly openSecond: () => Promise<GPUDevice>,
    private readonly immediateBytes: number,
    private readonly wait: <T>(promise: Promise<T>) => Promise<T>,
    private readonly compiled: CompiledTexts,
  ) {}

  /** Opens the second device, which otherwise happens when there is something to compile: too late for the first step. */
  open(): Promise<void> {
    this.opening ??= this.openSecond().then(
      (device) => {
        this.compiler = new Compiler(device, this.immediateBytes, () => {
          this.stopped = true;
        });
        if (!this.busy) this.next();
      },
      () => {
        this.stopped = true; // the first device does it all, as it would without this one
      },
    );
    return this.opening;
  }

  /**
   * Called when the first device encodes this pipeline for the first time. False when there is nothing to compile; else
   * the first device should be told to run its dispatches late.
   */
  offer(pipeline: Pipeline): boolean {
    if (this.stopped) return false;
    if (this.compiled.has(pipeline.source)) return this.fresh.length > 0;
    this.fresh.push(pipeline.source);
    this.waiting.push(pipeline);
    if (!this.compiler) void this.open();
    else if (!this.busy || performance.now() > this.busyUntil) this.next();
    return true;
  }

  /** Called when the first device has run all that it was given. */
  reached(): void {
    if (this.fresh.length > 0) this.compiled.add(this.fresh);
    this.fresh = [];
    this.waiting.length = 0;
  }

  /** Finishes what is under way and destroys the second device. */
  async close(): Promise<void> {
    this.stopped = true;
    await this.opening;
    await this.busy;
    this.compiler?.device.destroy();
  }

  private next(): void {
    if (this.stopped || !this.compiler) return;
    const pipeline = this.waiting.pop();
    if (!pipeline) return;
    this.compiler.compile(pipeline);
    this.busyUntil = performance.now() + 1.5 * compileTime(pipeline);
    const done: Promise<void> = this.wait(this.compiler.device.queue.onSubmittedWorkDone())
      .catch(() => {}) // the device went away
      .then(() => {
        if (this.busy !== done) return; // another was begun after this one
        this.busy = null;
        this.next();
      });
    this.busy = done;
  }
}

/** Has a device compile pipelines of another one. */
class Compiler {
  private readonly pipelines: PipelineCache;
  private readonly buffers: GPUBuffer[] = [];
  private readonly noWorkgroups: GPUBuffer;
  private readonly uniforms: GPUBuffer;

  /** @param onFailure what fails here fails on the first device, too, and is reported there */
  constructor(
    readonly device: GPUDevice,
    immediateBytes: number,
    onFailure: () => void,
  ) {
    device.onuncapturederror = (event) => {
      event.preventDefault();
      onFailure();
    };
    device.lost.then(onFailure);
    this.pipelines = new PipelineCache(device, immediateBytes, onFailure);
    this.noWorkgroups = device.createBuffer({ size: 16, usage: BufferUsage.INDIRECT });
    this.uniforms = device.createBuffer({ size: BINDING, usage: BufferUsage.UNIFORM });
  }

  /** Dispatches it over no workgroups, for which the driver compiles it all the same. */
  compile(pipeline: Pipeline): void {
    const copy = this.pipelines.build(pipeline);
    const entries: GPUBindGroupEntry[] = pipeline.bindings.map((_, binding) => ({
      binding,
      resource: { buffer: this.buffer(binding) },
    }));
    if (pipeline.mode === 'uniform')
      entries.push({ binding: entries.length, resource: { buffer: this.uniforms, offset: 0, size: 256 } });
    const group = this.device.createBindGroup({ layout: copy.layout, entries });
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(copy.pipeline);
    if (pipeline.mode === 'uniform') pass.setBindGroup(0, group, [0]);
    else pass.setBindGroup(0, group);
    if (pipeline.mode === 'immediate') pass.setImmediates(0, new Uint32Array(pipeline.params.length));
    // A count of 0 given directly brings a warning of Dawn's and may be left out.
    pass.dispatchWorkgroupsIndirect(this.noWorkgroups, 0);
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  private buffer(binding: number): GPUBuffer {
    return (this.buffers[binding] ??= this.device.createBuffer({ size: BINDING, usage: BufferUsage.STORAGE }));
  }
}

/**
 * Milliseconds that Mesa's software driver will take, from the length of the text: over 104 pipelines (a ConvNet's,
 * ResNet-20's, SVCCA's) 30 ms and 30 ms more per 1,000 characters, within half as much or twice as much for most.
 */
function compileTime(pipeline: Pipeline): number {
  return Math.min(600, 30 + 0.03 * pipeline.source.length);
}
