import { type MlpShape, mlpParameterCount } from '../../src/population/index.js';
import { Inputs } from '../support/random.js';

export const sizesOf = (s: MlpShape) => [s.inputs, ...s.widths, s.outputs ?? 1];
export const bytes = (values: ArrayLike<number>) => [...new Uint32Array(Float32Array.from(values).buffer)];

/** Data, weights and batches for a shape. */
export function draw(name: string, shape: MlpShape, count: number, { rows = 61, batch = 13, steps = 12 } = {}) {
  const inputs = new Inputs(name);
  const x = inputs.uniform(rows * shape.inputs, -1.5, 1.5);
  const classes = shape.loss === 'bce' ? 2 : (shape.outputs ?? 1);
  const y = Float32Array.from(inputs.integers(rows, classes));
  const parameters = mlpParameterCount(shape);
  const weights = inputs.uniform(count * parameters, -0.8, 0.8);
  const order = Uint32Array.from(inputs.integers(steps * batch, rows));
  const masks = Float32Array.from({ length: count * parameters }, () => (inputs.integer(4) === 0 ? 0 : 1));
  const member = (values: ArrayLike<number>, m: number) =>
    Array.from({ length: parameters }, (_, i) => values[m * parameters + i]);
  const rowsOf = Array.from({ length: steps }, (_, s) => order.subarray(s * batch, (s + 1) * batch));
  return { x, y, parameters, weights, order, masks, member, rowsOf, rows, batch, steps };
}

export const SHAPES: [string, MlpShape][] = [
  ['2-3-3-3-1', { inputs: 2, widths: [3, 3, 3], loss: 'bce' }],
  ['2-7-5-1 with four hidden layers', { inputs: 2, widths: [7, 5, 4, 2], loss: 'bce' }],
  ['no hidden layer', { inputs: 3, widths: [], loss: 'bce' }],
  ['5-4-3 with classes', { inputs: 5, widths: [4], outputs: 3, loss: 'crossEntropy' }],
  ['2-16-16-16-2', { inputs: 2, widths: [16, 16, 16], outputs: 2, loss: 'crossEntropy' }],
];
