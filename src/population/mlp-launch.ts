import { applyMasksShader } from '../../shaders/population/apply-masks.js';
import { type EvaluateSpec, evaluateShader } from '../../shaders/population/evaluate.js';
import type { NetworkSpec } from '../../shaders/population/network.js';
import { type TrainLanesSpec, trainLanesShader } from '../../shaders/population/train-lanes.js';
import { type TrainWorkgroupSpec, trainWorkgroupShader } from '../../shaders/population/train-workgroup.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import type { Tensor } from '../tensor/tensor.js';
import type { PopulationData } from './mlp-data.js';
import type { Hyper } from './mlp-options.js';
import type { MlpForm } from './mlp-shape.js';

const lanesKernel = defineKernel<TrainLanesSpec>({ name: 'train lanes', shader: trainLanesShader });
const workgroupKernel = defineKernel<TrainWorkgroupSpec>({ name: 'train workgroup', shader: trainWorkgroupShader });
const evaluateKernel = defineKernel<EvaluateSpec>({ name: 'evaluate population', shader: evaluateShader });
const masksKernel = defineKernel<{ workgroup: number }>({ name: 'apply masks', shader: applyMasksShader });

/** What kernels know of a population. */
export interface Members {
  device: Device;
  network: NetworkSpec;
  form: MlpForm;
  hyper: Hyper;
  count: number;
  /** Parameters of one model. */
  parameters: number;
  /** f32 [slot, parameter, model], the weights first. */
  values: Tensor;
  /** u32 [2, model]: marks of divergence, and last losses as bits. */
  outcomes: Tensor;
  /** u32 [2, model]: base rates as bits, and schedules. */
  settings: Tensor;
  /** u32 [words, model], a bit a parameter. */
  masks: Tensor;
}

/** Batches and rates of some steps. */
export interface Tables {
  data: PopulationData;
  rates: Tensor;
  order: Tensor | undefined;
  /** Steps in the tables. */
  length: number;
  batch: number;
  /** Steps done before them. */
  before: number;
}

/** Models and steps of one launch; `offset` counts from the start of the tables. */
export interface Piece {
  first: number;
  span: number;
  offset: number;
  steps: number;
}

/** Launches are submitted one by one: a device may refuse to be busy for long with one submission. */
export function launchTraining(members: Members, masked: boolean, tables: Tables, piece: Piece): void {
  const { device, count, parameters, hyper, form } = members;
  const { data, rates, order, length, batch, before } = tables;
  const { first, span, offset, steps } = piece;
  const tensors = [data.tensor, ...(order ? [order] : []), rates, members.settings];
  tensors.push(...(masked ? [members.masks] : []), members.values, members.outcomes);
  const { decay, beta1, beta2, eps } = hyper;
  const counts = [count, first, span, parameters, steps, offset, length, before, batch];
  const launch = {
    bindings: tensors.map((t) => t.binding('MlpPopulation.train')),
    params: [...counts, 1 / batch, decay, beta1, beta2, 1 - beta1, 1 - beta2, eps],
    cost: { flops: 6 * parameters * batch * span * steps, bytes: 2 * members.values.bytes + 4 * batch * steps },
  };
  const spec = { ...members.network, ...hyper.rule, masked, ordered: order !== undefined };
  if (form.kind === 'workgroup') {
    const grid = foldGrid(span, device.limits.maxWorkgroups);
    const unroll = device.facts.deviceClass !== 'software';
    device.run(workgroupKernel, { ...spec, workgroup: form.workgroup, unroll }, { ...launch, grid });
  } else {
    const lanes = [4, 8, 16, 32].includes(device.subgroupSize) ? device.subgroupSize : 0;
    const workgroup = lanes || 8;
    // Several rows at a time save loads and stores of gradients, as long as their values are few.
    const together = parameters <= 64 ? 4 : 1;
    const grid = foldGrid(Math.ceil(span / workgroup), device.limits.maxWorkgroups);
    device.run(lanesKernel, { ...spec, workgroup, lanes, together }, { ...launch, grid });
  }
  device.stream.flush();
}

/** Writes the sums of the models from `first` on into `sums`, u32 [2, count]: losses as bits, and right predictions. */
export function launchEvaluation(
  members: Members,
  data: PopulationData,
  sums: Tensor,
  { first, span }: Pick<Piece, 'first' | 'span'>,
): void {
  const { device, count, parameters, network, form, values } = members;
  const shared = form.kind === 'workgroup';
  const workgroup = shared ? 64 : 8;
  device.run(
    evaluateKernel,
    { ...network, shared, workgroup },
    {
      bindings: [data.tensor, values, sums].map((t) => t.binding('MlpPopulation.evaluate')),
      params: [count, first, span, parameters, data.rows],
      grid: foldGrid(shared ? span : Math.ceil(span / workgroup), device.limits.maxWorkgroups),
      cost: { flops: 2 * parameters * data.rows * span, bytes: 4 * parameters * span + data.tensor.bytes },
    },
  );
  device.stream.flush();
}

/** Sets weights and optimiser state that the masks remove to 0. */
export function launchMasks({ device, masks, values, count, parameters }: Members): void {
  const workgroup = 64;
  device.run(
    masksKernel,
    { workgroup },
    {
      bindings: [masks, values].map((t) => t.binding('MlpPopulation')),
      params: [values.size, count, parameters],
      grid: foldGrid(Math.ceil(values.size / workgroup), device.limits.maxWorkgroups),
      cost: { flops: 0, bytes: values.bytes + masks.bytes },
    },
  );
}
