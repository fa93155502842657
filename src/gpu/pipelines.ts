import { ComputeStage } from './constants.js';
import { ShaderError, ValidationError } from './errors.js';
import { type Kernel, moduleSource, type ParamMode, type Pipeline, type Shader } from './kernel.js';
import { rotateLoops } from './rotate-loops.js';

/** All of a pipeline that does not belong to one device. */
export type PipelineText = Pick<Pipeline, 'name' | 'key' | 'written' | 'source' | 'mode' | 'params' | 'bindings'>;

/**
 * Pipelines by the exact text of kernel name and spec, compiled at first use. Bind group layouts are explicit and
 * shared by every shader with the same bindings.
 */
export class PipelineCache {
  private readonly pipelines = new Map<string, Pipeline>();
  private readonly layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  private nextId = 1;
  /** Error checks that are still under way; `sync` waits for them. */
  readonly checks = new Set<Promise<void>>();

  constructor(
    private readonly device: GPUDevice,
    private readonly immediateBytes: number,
    private readonly report: (error: Error) => void,
    /** Whether loops are to be tested at their end. */
    private readonly rotate = false,
  ) {}

  get size(): number {
    return this.pipelines.size;
  }
  /** Every pipeline made so far, oldest first. */
  list(): Pipeline[] {
    return [...this.pipelines.values()];
  }

  get<S>(kernel: Kernel<S>, spec: S): Pipeline {
    const key = `${kernel.name} ${JSON.stringify(spec)}`;
    const hit = this.pipelines.get(key);
    if (hit) return hit;
    const shader = kernel.shader(spec);
    const bytes = shader.params.length * 4;
    const mode: ParamMode = bytes === 0 ? 'none' : bytes <= this.immediateBytes ? 'immediate' : 'uniform';
    const { params, bindings } = shader;
    const written = moduleSource(shader, mode);
    const source = this.rotate ? rotateLoops(written) : written;
    const made = this.build({ name: kernel.name, key, written, source, mode, params, bindings });
    this.pipelines.set(key, made);
    return made;
  }

  /** Makes a pipeline of the given text; it is not kept. Texts come from `get`, also from that of another device. */
  build(text: PipelineText): Pipeline {
    const { name, key, source, mode, params, bindings } = text;
    const layout = this.layout(bindings, mode, params.length * 4);
    this.device.pushErrorScope('validation');
    const module = this.device.createShaderModule({ label: name, code: source });
    const pipeline = this.device.createComputePipeline({
      label: name,
      layout: layout.pipeline,
      compute: { module, entryPoint: 'main' },
    });
    const check = this.device
      .popErrorScope()
      .then(async (error) => {
        if (!error) return;
        this.pipelines.delete(key); // so that its next use is refused with the same words
        const lines = await this.diagnose(text.written);
        this.report(
          lines.length > 0
            ? new ShaderError(key, lines.join('\n'), text.written)
            : new ValidationError(`kernel ${key}: ${error.message}`),
        );
      })
      .catch(() => {}) // the device went away meanwhile; its loss is reported on its own
      .finally(() => this.checks.delete(check));
    this.checks.add(check);
    return { ...text, id: this.nextId++, pipeline, layout: layout.group };
  }

  /** What the compiler says of a module, line by line. */
  private async diagnose(code: string): Promise<string[]> {
    this.device.pushErrorScope('validation');
    const module = this.device.createShaderModule({ code });
    await this.device.popErrorScope();
    const { messages } = await module.getCompilationInfo();
    return messages.map((m) => `${m.type} ${m.lineNum}:${m.linePos} ${m.message}`);
  }

  private layout(bindings: Shader['bindings'], mode: ParamMode, bytes: number) {
    const key = `${bindings.map((b) => (b.access === 'read' ? 'r' : 'w')).join('')} ${mode} ${mode === 'immediate' ? bytes : 0}`;
    const hit = this.layouts.get(key);
    if (hit) return hit;
    const entries: GPUBindGroupLayoutEntry[] = bindings.map((b, binding) => ({
      binding,
      visibility: ComputeStage,
      buffer: { type: b.access === 'read' ? 'read-only-storage' : 'storage' },
    }));
    if (mode === 'uniform') {
      entries.push({
        binding: bindings.length,
        visibility: ComputeStage,
        buffer: { type: 'uniform', hasDynamicOffset: true },
      });
    }
    const group = this.device.createBindGroupLayout({ entries });
    const descriptor: GPUPipelineLayoutDescriptor & { immediateSize?: number } = { bindGroupLayouts: [group] };
    if (mode === 'immediate') descriptor.immediateSize = bytes;
    const made = { group, pipeline: this.device.createPipelineLayout(descriptor) };
    this.layouts.set(key, made);
    return made;
  }
}
