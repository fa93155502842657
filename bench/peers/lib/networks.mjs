/**
 * The networks, once, as data: shapes and initial values of the parameters, batches, optimisers. Layouts are those of
 * tfjs: images NHWC, convolution weights HWIO, dense weights [in, out]. A peer converts to what it likes best.
 *
 * @typedef {{ shape: number[], init: 'uniform' | 'normal' | 'zeros' | 'ones', fanIn?: number }} ParameterSpec
 * @typedef {{
 *   name: 'mlp' | 'convnet' | 'resnet20',
 *   input: number[],
 *   parameters: Record<string, ParameterSpec>,
 *   optimizer: 'adam' | 'momentum',
 *   learningRate: number,
 *   batch: number,
 * }} Network
 */
import { integers, normal, uniform } from './random.mjs';

export const CLASSES = 10;
/** Adam's constants, the usual ones. */
export const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
export const MOMENTUM = 0.9;
export const BATCH_NORM_EPSILON = 1e-5;

const dense = (fanIn, out) => [
  { shape: [fanIn, out], init: 'uniform', fanIn },
  { shape: [out], init: 'uniform', fanIn },
];
const conv = (size, channels, out) => {
  const fanIn = size * size * channels;
  return [
    { shape: [size, size, channels, out], init: 'uniform', fanIn },
    { shape: [out], init: 'uniform', fanIn },
  ];
};

/** The convolutions of ResNet-20 in order: name, channels in and out, stride, and where a residual block starts. */
export const RESNET20_BLOCKS = [16, 32, 64].flatMap((width, stage) =>
  [0, 1, 2].map((block) => ({
    name: `s${stage}b${block}`,
    channels: stage > 0 && block === 0 ? width / 2 : width,
    width,
    stride: stage > 0 && block === 0 ? 2 : 1,
  })),
);

function mlpParameters() {
  const [w1, b1] = dense(784, 256);
  const [w2, b2] = dense(256, 128);
  const [w3, b3] = dense(128, CLASSES);
  return { w1, b1, w2, b2, w3, b3 };
}

function convnetParameters() {
  const [w1, b1] = conv(5, 1, 24);
  const [w2, b2] = conv(3, 24, 32);
  const [w3, b3] = dense(5 * 5 * 32, 128);
  const [w4, b4] = dense(128, CLASSES);
  return { w1, b1, w2, b2, w3, b3, w4, b4 };
}

function resnet20Parameters() {
  const parameters = {};
  const convNorm = (name, channels, width) => {
    parameters[`${name}.w`] = { shape: [3, 3, channels, width], init: 'normal', fanIn: 9 * channels };
    parameters[`${name}.scale`] = { shape: [width], init: 'ones' };
    parameters[`${name}.shift`] = { shape: [width], init: 'zeros' };
  };
  convNorm('stem', 3, 16);
  for (const { name, channels, width } of RESNET20_BLOCKS) {
    convNorm(`${name}.1`, channels, width);
    convNorm(`${name}.2`, width, width);
  }
  const [w, b] = dense(64, CLASSES);
  return { ...parameters, 'head.w': w, 'head.b': b };
}

const NETWORKS = {
  mlp: { input: [784], parameters: mlpParameters, optimizer: 'adam', learningRate: 1e-3, batch: 1000 },
  convnet: { input: [28, 28, 1], parameters: convnetParameters, optimizer: 'adam', learningRate: 1e-3, batch: 250 },
  resnet20: {
    input: [32, 32, 3],
    parameters: resnet20Parameters,
    optimizer: 'momentum',
    learningRate: 0.02,
    batch: 32,
  },
};

/** @returns {boolean} whether `name` is one of the training cases */
export const isNetwork = (name) => Object.hasOwn(NETWORKS, name);

/**
 * @param {string} name mlp, convnet or resnet20
 * @param {{ batch?: number, learningRate?: number }} [params]
 * @returns {Network}
 */
export function network(name, params = {}) {
  const base = NETWORKS[name];
  const batch = params.batch ?? base.batch;
  const learningRate = params.learningRate ?? base.learningRate;
  if (!Number.isInteger(batch) || batch < 1)
    throw new RangeError(`${name}: batch must be a positive integer: ${batch}`);
  if (!(learningRate > 0)) throw new RangeError(`${name}: learningRate must be positive: ${learningRate}`);
  return { ...base, name, batch, learningRate, parameters: base.parameters() };
}

/** @returns {Record<string, Float32Array>} initial values, the same for every peer */
export function initialValues({ parameters }, seed) {
  const values = {};
  for (const [index, [name, { shape, init, fanIn }]] of Object.entries(parameters).entries()) {
    const length = shape.reduce((a, b) => a * b, 1);
    if (init === 'uniform')
      values[name] = uniform(length, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn), seed, 10 + index);
    else if (init === 'normal') values[name] = normal(length, Math.sqrt(2 / fanIn), seed, 10 + index);
    else values[name] = new Float32Array(length).fill(init === 'ones' ? 1 : 0);
  }
  return values;
}

/** @returns {{ images: Float32Array, labels: Int32Array }} one batch: random images (NHWC) with random labels */
export function batchOf({ name, input, batch }, seed) {
  const length = input.reduce((a, b) => a * b, batch);
  const images = name === 'resnet20' ? normal(length, 1, seed, 1) : uniform(length, 0, 1, seed, 1);
  return { images, labels: integers(batch, CLASSES, seed, 2) };
}

/** @returns {Float32Array} labels as rows of zeros with a one, [batch, 10] */
export function oneHot(labels) {
  const rows = new Float32Array(labels.length * CLASSES);
  for (const [row, label] of labels.entries()) rows[row * CLASSES + label] = 1;
  return rows;
}
