import { advanceShader, HYPER, type UpdateSpec, updateShader } from '../../shaders/optimiser.js';
import { noGrad } from '../autograd/node.js';
import { apply, constant, input } from '../expr/expr.js';
import { ArgumentError } from '../gpu/errors.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import type { Parameters } from '../nn/parameters.js';
import { generate, map } from '../ops/map.js';
import { keep, scope } from '../tensor/scope.js';
import { sameShape } from '../tensor/shape.js';
import { commonDevice, type Tensor } from '../tensor/tensor.js';
import { constantSchedule, type Schedule } from './schedules.js';

export interface OptimiserOptions {
  /** Base learning rate; `setLearningRate` changes it, also between replays of a compiled step. */
  lr: number;
  schedule?: Schedule;
  weightDecay?: number;
  /** Names of the parameters that decay; by default all. A function that picks none is an error. */
  decays?: (name: string) => boolean;
  /** Scale gradients down to this global norm; masked entries do not count. */
  clipNorm?: number;
}

export interface SgdOptions extends OptimiserOptions {
  momentum?: number;
  nesterov?: boolean;
}

export interface AdamOptions extends OptimiserOptions {
  betas?: readonly [number, number];
  eps?: number;
}

/** The options of every rule; each reads its own. */
export type AllOptions = OptimiserOptions & SgdOptions & AdamOptions;

const updateKernel = defineKernel<UpdateSpec>({ name: 'update', shader: updateShader });
const advanceKernel = defineKernel<{ schedule: string }>({ name: 'advance', shader: (s) => advanceShader(s.schedule) });

/**
 * Updates all parameters of a store in place: gradients are gathered into one flat buffer, and one dispatch does the
 * rest. Everything that changes from step to step is on the device, so that a compiled step replays right.
 */
export class Optimiser {
  private readonly gradients: Tensor;
  private readonly steps: Tensor;
  private readonly hyper: Tensor;
  private readonly state: readonly Tensor[];
  private readonly marks: Tensor | null;
  private readonly spec: Omit<UpdateSpec, 'masked' | 'workgroup'>;
  private mask: Tensor | null = null;
  private readonly schedule: Schedule;
  /** Base rate as a device value, so that it may change under a compiled step. */
  private readonly base: Tensor;

  /** Use `sgd`, `adam` or `adamw`. */
  constructor(
    readonly parameters: Parameters,
    rule: UpdateSpec['rule'],
    private readonly options: AllOptions,
  ) {
    checkOptions(rule, options);
    const { device } = parameters;
    const decay = options.weightDecay ?? 0;
    const decaying = parameters.names.filter((name) => options.decays?.(name));
    if (decay > 0 && options.decays && decaying.length === 0)
      throw new ArgumentError(rule, 'decays to pick some parameter', 'none picked');
    this.schedule = options.schedule ?? constantSchedule();
    this.spec = {
      rule,
      momentum: (options.momentum ?? 0) > 0,
      nesterov: options.nesterov ?? false,
      decay: decay === 0 ? 'none' : options.decays ? 'marked' : 'all',
      clip: options.clipNorm !== undefined,
    };
    this.gradients = parameters.like();
    this.steps = keep(generate(rule, device, [1], constant(0, 'u32'), [], 'u32'));
    this.hyper = keep(generate(rule, device, [HYPER.slots], constant(0), [], 'f32'));
    this.base = keep(generate(rule, device, [1], constant(0), [], 'f32'));
    this.base.write([options.lr]);
    const slots = rule === 'sgd' ? (this.spec.momentum ? 1 : 0) : 2;
    this.state = Array.from({ length: slots }, () => parameters.like());
    this.marks = this.spec.decay === 'marked' ? this.marked(decaying) : null;
  }

  /** Applies gradients, one a parameter in the order of `parameters.list()`. */
  step(grads: readonly Tensor[]): void {
    const { device } = this.parameters;
    const o = this.options;
    const op = this.spec.rule;
    this.parameters.pack(grads, this.gradients);
    device.run(
      advanceKernel,
      { schedule: this.schedule.wgsl },
      {
        bindings: [this.steps, this.hyper, this.base].map((t) => t.binding(op)),
        params: logBetas(o),
        grid: [1, 1, 1],
        cost: { flops: 16, bytes: 32 },
      },
    );
    const norm = this.spec.clip ? this.squaredNorm() : null;
    const optional = [this.mask, this.marks, norm].filter((t): t is Tensor => t !== null);
    const inputs = [this.gradients, this.hyper, ...optional];
    launchUpdate(this.parameters, { ...this.spec, masked: this.mask !== null }, o, inputs, this.state);
    norm?.dispose();
  }

  /** Changes the base learning rate from the next step on. */
  setLearningRate(lr: number): void {
    if (!Number.isFinite(lr) || lr < 0) throw new ArgumentError(this.spec.rule, 'lr >= 0', String(lr));
    this.base.write([lr]);
  }

  /**
   * Keeps parameters where the flat mask (laid out like them) is 0, with their optimiser state, at exactly 0 from the
   * next step on. Null takes the mask off. The mask is borrowed: its owner may change its values between steps. A
   * compiled step keeps to the mask that it was captured with, and sees its new values.
   */
  setMask(mask: Tensor | null): void {
    const { flat } = this.parameters;
    if (mask) {
      commonDevice(this.spec.rule, [flat, mask]);
      if (!sameShape(mask.shape, flat.shape) || mask.dtype !== flat.dtype) {
        throw new ArgumentError(this.spec.rule, `a flat mask ${flat}`, String(mask));
      }
    }
    this.mask = mask;
  }

  /** Number of steps done. */
  async stepCount(): Promise<number> {
    return this.steps.item();
  }
  /** Learning rate of the last step, as the device computed it. */
  async learningRate(): Promise<number> {
    return (await this.hyper.data())[HYPER.learningRate];
  }
  /** Optimiser state, laid out like the parameters: momentum, or Adam's two moments. */
  get slots(): readonly Tensor[] {
    return this.state;
  }
  /** All that its steps depend on and change, for checkpoints; the mask, if there is one, is its owner's. */
  get tensors(): ReadonlyMap<string, Tensor> {
    return new Map([
      ['steps', this.steps],
      ['base', this.base],
      ...this.state.map((t, i) => [`slot${i}`, t] as const),
      ...(this.mask ? [['mask', this.mask] as const] : []),
    ]);
  }
  /** The rule and its options: runs of the same bytes have the same. What `setLearningRate` changes is a tensor. */
  get config(): Readonly<Record<string, string | number>> {
    const { schedule: _, decays, betas, ...numbers } = this.options;
    return {
      optimiser: this.spec.rule,
      schedule: this.schedule.wgsl,
      ...(decays && { decays: this.parameters.names.filter(decays).join(' ') }),
      ...(betas && { betas: betas.join(' ') }),
      ...Object.fromEntries(
        Object.entries(numbers).flatMap(([name, v]) => (v === undefined ? [] : [[name, Number(v)]])),
      ),
    };
  }
  /** Starts over: step 0, state 0. */
  reset(): void {
    this.steps.write([0]);
    for (const s of this.state) s.write(new Float32Array(s.size));
  }

  dispose(): void {
    for (const t of [
      this.gradients,
      this.steps,
      this.hyper,
      this.base,
      ...this.state,
      ...(this.marks ? [this.marks] : []),
    ])
      t.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Sum of the squared gradients of all parameters that are not masked. */
  private squaredNorm(): Tensor {
    const square = apply('mul', input(0), input(0));
    const alive = this.mask ? apply('where', apply('ne', input(1), constant(0)), square, constant(0)) : square;
    const inputs = this.mask ? [this.gradients, this.mask] : [this.gradients];
    return noGrad(() => scope(() => map(inputs, alive, { axes: [0], op: this.spec.rule })));
  }

  /** 1 where a named parameter lies, 0 elsewhere. */
  private marked(names: readonly string[]): Tensor {
    const marks = this.parameters.like();
    for (const name of names) {
      const part = this.parameters.part(marks, name);
      part.write(new Float32Array(part.size).fill(1));
      part.dispose();
    }
    return marks;
  }
}

const BETAS = [0.9, 0.999] as const;

/** Natural logarithms of Adam's betas, for kernels that raise them to powers. */
export const logBetas = ({ betas = BETAS }: Pick<AllOptions, 'betas'>): number[] =>
  betas.map((b) => Math.max(-80, Math.log(b)));

/**
 * Updates all parameters in place by one dispatch.
 *
 * @param inputs gradients, hyper-parameters, and what else the specification asks for, in the order of the shader
 * @param state momentum, or Adam's two moments
 */
export function launchUpdate(
  { device, flat }: Parameters,
  spec: Omit<UpdateSpec, 'workgroup'>,
  o: Omit<AllOptions, 'lr' | 'schedule'>,
  inputs: readonly Tensor[],
  state: readonly Tensor[],
): void {
  const [beta1, beta2] = o.betas ?? BETAS;
  const tensors = [...inputs, flat, ...state];
  const software = device.deviceClass === 'software';
  const n = flat.size / 4;
  const workgroup = 64;
  device.run(
    updateKernel,
    { ...spec, workgroup },
    {
      bindings: tensors.map((t) => t.binding(spec.rule)),
      params: [
        n,
        o.weightDecay ?? 0,
        o.momentum ?? 0,
        beta1,
        beta2,
        1 - beta1,
        1 - beta2,
        o.eps ?? 1e-8,
        o.clipNorm ?? 0,
      ],
      grid: foldGrid(
        Math.max(1, Math.min(Math.ceil(n / workgroup / (software ? 4 : 1)), software ? 256 : 65535 * 16)),
        device.limits.maxWorkgroups,
      ),
      cost: {
        flops: 12 * flat.size,
        bytes: tensors.reduce((b, t) => b + t.bytes, 0) + flat.bytes * (1 + state.length),
      },
    },
  );
}

/** @throws ArgumentError for options out of range */
export function checkOptions(rule: string, o: AllOptions): void {
  const need = (ok: boolean, expected: string, got: unknown) => {
    if (!ok) throw new ArgumentError(rule, expected, String(got));
  };
  need(Number.isFinite(o.lr) && o.lr >= 0, 'lr >= 0', o.lr);
  need(o.weightDecay === undefined || o.weightDecay >= 0, 'weightDecay >= 0', o.weightDecay);
  need(o.momentum === undefined || (o.momentum >= 0 && o.momentum < 1), 'momentum in [0, 1)', o.momentum);
  need(!o.nesterov || (o.momentum ?? 0) > 0, 'momentum > 0 with nesterov', o.momentum);
  need(o.clipNorm === undefined || o.clipNorm > 0, 'clipNorm > 0', o.clipNorm);
  need(o.betas === undefined || o.betas.every((b) => b >= 0 && b < 1), 'betas in [0, 1)', o.betas);
  need(o.eps === undefined || o.eps > 0, 'eps > 0', o.eps);
}

/** Stochastic gradient descent, with momentum (dampening 0) and Nesterov's variant. */
export const sgd = (parameters: Parameters, options: SgdOptions): Optimiser =>
  new Optimiser(parameters, 'sgd', options);
/** Adam (Kingma & Ba 2015); weight decay is added to the gradient. */
export const adam = (parameters: Parameters, options: AdamOptions): Optimiser =>
  new Optimiser(parameters, 'adam', options);
/** Adam with decoupled weight decay (Loshchilov & Hutter 2019). */
export const adamw = (parameters: Parameters, options: AdamOptions): Optimiser =>
  new Optimiser(parameters, 'adamw', options);
