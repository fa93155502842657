import type { Device } from '../../../gpu/device.js';
import { ArgumentError } from '../../../gpu/errors.js';
import {
  initialWeights,
  type MlpShape,
  mlpLayers,
  mlpParameterCount,
  PopulationData,
  type StepFactor,
} from '../../../population/index.js';
import type { ScheduleName, Widths } from '../enumerate.js';
import { cubistSpiral } from '../spiral.js';

/** Width of the network whose top-left block a sub-network is. */
export const FULL_WIDTH = 16;

/** How every network of the study is trained. */
export const TRAINING = { batch: 128, epochs: 50, stepsPerEpoch: 390, momentum: 0.9, weightDecay: 5e-4 } as const;

/** The 2-d1-d2-d3-1 network. */
export const spiralShape = (widths: Widths): MlpShape => ({ inputs: 2, widths, loss: 'bce' });

/** Inputs, units of the hidden layers, outputs. */
export const layerSizes = (widths: Widths): number[] => [2, ...widths, 1];

/** The data set on a device; owned by the caller. */
export function spiralData(device: Device): PopulationData {
  const { inputs, labels } = cubistSpiral();
  return new PopulationData(device, inputs, labels);
}

/** Factors of the learning rate by step; the rate changes from epoch to epoch only. */
export function scheduleFactor(name: ScheduleName): StepFactor {
  const { epochs, stepsPerEpoch } = TRAINING;
  const byEpoch: Record<ScheduleName, (epoch: number) => number> = {
    cosine: (epoch) => 0.5 * (1 + Math.cos((Math.PI * Math.min(epoch, epochs)) / epochs)),
    milestones: (epoch) => 0.1 ** [15, 30].filter((m) => epoch >= m).length,
    constant: () => 1,
  };
  return { factor: (step) => byEpoch[name](Math.floor(step / stepsPerEpoch)) };
}

/** Initial parameters of a sub-network, drawn within the bounds of the width-16 network's layers. */
export const subNetworkInitial = (widths: Widths, seeds: readonly number[]): Float32Array =>
  initialWeights(spiralShape(widths), seeds, [2, FULL_WIDTH, FULL_WIDTH, FULL_WIDTH]);

/** The mask of a shape that leaves the top-left blocks of some widths, their biases, and the output's. */
export function topLeftMask(from: Widths, to: Widths): Uint8Array {
  const mask = new Uint8Array(mlpParameterCount(spiralShape(from)));
  const kept = mlpLayers(spiralShape(to));
  mlpLayers(spiralShape(from)).forEach((layer, l) => {
    const { inputs, outputs } = kept[l];
    for (let o = 0; o < outputs; o++) {
      mask.fill(1, layer.weights + o * layer.inputs, layer.weights + o * layer.inputs + inputs);
      mask[layer.biases + o] = 1;
    }
  });
  return mask;
}

/** The top-left blocks of a wider network's layers. */
export function topLeftBlock(parameters: ArrayLike<number>, from: Widths, to: Widths): Float32Array {
  const [wide, narrow] = [mlpLayers(spiralShape(from)), mlpLayers(spiralShape(to))];
  if (to.some((n, l) => n > from[l])) throw new ArgumentError('topLeftBlock', `widths up to ${from}`, `${to}`);
  const expected = mlpParameterCount(spiralShape(from));
  if (parameters.length !== expected)
    throw new ArgumentError('topLeftBlock', `${expected} parameters`, `${parameters.length}`);
  const out = new Float32Array(mlpParameterCount(spiralShape(to)));
  narrow.forEach((layer, l) => {
    for (let o = 0; o < layer.outputs; o++) {
      for (let i = 0; i < layer.inputs; i++)
        out[layer.weights + o * layer.inputs + i] = parameters[wide[l].weights + o * wide[l].inputs + i];
      out[layer.biases + o] = parameters[wide[l].biases + o];
    }
  });
  return out;
}
