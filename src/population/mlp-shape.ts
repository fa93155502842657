import { layerOffsets, type NetworkSpec, parameterCount } from '../../shaders/population/network.js';
import { trainWorkgroupBytes } from '../../shaders/population/train-workgroup.js';
import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import { philoxUniform, type Seed } from '../tensor/philox.js';

/** A multilayer perceptron with ReLU after every hidden layer and biases everywhere. */
export interface MlpShape {
  inputs: number;
  /** Units of the hidden layers. */
  widths: readonly number[];
  /** One for `bce`, the classes for `crossEntropy`. Default 1. */
  outputs?: number;
  /** `bce`: binary cross-entropy of one logit, targets in [0, 1]. `crossEntropy`: softmax, class numbers as targets. */
  loss: 'bce' | 'crossEntropy';
}

/** How a shape's networks are trained: one an invocation (software devices) or one a workgroup (GPUs). */
export type MlpForm = { kind: 'lanes' } | { kind: 'workgroup'; workgroup: number };

/** Random stream of initial weights. */
const INITIAL = 0x696e6974;

/** Parameters beyond which straight-line code takes too long to compile. */
export const MOST_PARAMETERS = 1024;

/** @throws ArgumentError for sizes that are no network, or outputs that do not fit the loss */
export function networkOf(op: string, shape: MlpShape): NetworkSpec {
  const sizes = [shape.inputs, ...shape.widths, shape.outputs ?? 1];
  for (const size of sizes) {
    if (!Number.isInteger(size) || size < 1)
      throw new ArgumentError(op, 'whole numbers of units from 1 on', sizes.join('-'));
  }
  const outputs = sizes[sizes.length - 1];
  if (shape.loss !== 'bce' && shape.loss !== 'crossEntropy')
    throw new ArgumentError(op, "loss 'bce' or 'crossEntropy'", String(shape.loss));
  if (shape.loss === 'bce' && outputs !== 1) throw new ArgumentError(op, 'one output with bce', String(outputs));
  if (shape.loss === 'crossEntropy' && outputs < 2)
    throw new ArgumentError(op, 'at least two outputs with crossEntropy', String(outputs));
  return { sizes, loss: shape.loss };
}

/** Weights and biases of one network; they lie layer after layer, weights [out, in] before biases [out]. */
export const mlpParameterCount = (shape: MlpShape): number => parameterCount(networkOf('MLP', shape).sizes);

/** Where each layer's weights [out, in] and biases [out] begin among a network's parameters. */
export const mlpLayers = (shape: MlpShape): { weights: number; biases: number; inputs: number; outputs: number }[] => {
  const { sizes } = networkOf('MLP', shape);
  return layerOffsets(sizes).map((at, l) => ({ ...at, inputs: sizes[l], outputs: sizes[l + 1] }));
};

/**
 * Whether the fused kernel can hold networks of a shape on a device, and in which form; where not, why. The ordinary path
 * (a Model and an optimiser) takes any shape.
 */
export function mlpFits(device: Device, shape: MlpShape): { form: MlpForm } | { form: null; reason: string } {
  const { sizes } = networkOf('mlpFits', shape);
  const parameters = parameterCount(sizes);
  const name = sizes.join('-');
  if (parameters > MOST_PARAMETERS) {
    const reason = `the fused kernel holds networks of at most ${MOST_PARAMETERS} parameters, ${name} has ${parameters}`;
    return { form: null, reason };
  }
  if (device.deviceClass === 'software') return { form: { kind: 'lanes' } };
  const { workgroupStorage, maxInvocations } = device.limits;
  const bytes = (workgroup: number) => trainWorkgroupBytes(sizes, workgroup);
  const workgroup = [128, 64, 32].find((n) => n <= maxInvocations && bytes(n) <= workgroupStorage);
  if (workgroup) return { form: { kind: 'workgroup', workgroup } };
  const reason = `${name} takes ${bytes(32)} bytes of workgroup memory, this device has ${workgroupStorage}`;
  return { form: null, reason };
}

/**
 * Initial weights [seeds, parameters]: uniform in ±1 / sqrt(fan in), weights and biases alike (PyTorch's Linear). The same
 * seed gives the same network, whatever the others are.
 *
 * @param fanIns fan in of each layer, where it is not the layer's own number of inputs: for blocks of wider networks
 */
export function initialWeights(
  shape: MlpShape,
  seeds: readonly Seed[],
  fanIns: readonly number[] = [shape.inputs, ...shape.widths],
): Float32Array {
  const layers = mlpLayers(shape);
  if (fanIns.length !== layers.length || fanIns.some((fan) => !(fan > 0)))
    throw new ArgumentError('initialWeights', `${layers.length} positive fan-ins`, fanIns.join(', '));
  const parameters = mlpParameterCount(shape);
  const out = new Float32Array(seeds.length * parameters);
  seeds.forEach((seed, model) => {
    const units = philoxUniform(seed, INITIAL, 0, parameters);
    layers.forEach(({ weights, biases, outputs }, l) => {
      const bound = 1 / Math.sqrt(fanIns[l]);
      for (let i = weights; i < biases + outputs; i++) out[model * parameters + i] = (2 * units[i] - 1) * bound;
    });
  });
  return out;
}
