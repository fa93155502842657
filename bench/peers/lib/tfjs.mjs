/** @tensorflow/tfjs: the same work, with the core API, `tf.tidy` and the library's own optimisers (NHWC). */
import { createRequire } from 'node:module';
import { adapterDescription, installGpu } from './gpu.mjs';
import { ADAM, BATCH_NORM_EPSILON, batchOf, initialValues, MOMENTUM, oneHot, RESNET20_BLOCKS } from './networks.mjs';
import { installTfjsWorker } from './threads.mjs';

const require = createRequire(import.meta.url);

/**
 * @param {{ backend: 'webgpu' | 'wasm', wait: 'throttled' | 'spin', threads: number }} options
 * @returns {Promise<import('./cases.mjs').Peer>}
 */
export async function createTfjsPeer({ backend, wait, threads }) {
  if (backend === 'webgpu') await installGpu({ wait });
  // The CommonJS builds: only these share one core with the backends.
  const tf = require('@tensorflow/tfjs');
  const running = backend === 'webgpu' ? await startWebGpu(tf) : await startWasm(tf, threads);
  return {
    version: tf.version['tfjs-core'],
    ...running,
    matmul: (a, b, n) => matmul(tf, a, b, n),
    topk: (x, k) => topk(tf, x, k),
    training: (network, seed) => training(tf, network, seed),
  };
}

async function startWebGpu(tf) {
  require('@tensorflow/tfjs-backend-webgpu');
  await select(tf, 'webgpu');
  return { adapter: adapterDescription(), threads: 0 };
}

async function startWasm(tf, threads) {
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  registerFilterGradient(tf);
  if (threads > 1) {
    installTfjsWorker();
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true);
    wasm.setThreadsCount(threads);
  }
  // The library takes at most half of the logical cores: it would stay on one thread where there are two.
  const os = require('node:os');
  const { cpus } = os;
  os.cpus = () => Array.from({ length: 2 * threads }, () => cpus()[0]);
  // While it loads its scripts nothing else may hold the event loop.
  const alive = setInterval(() => {}, 1000);
  try {
    await select(tf, 'wasm');
  } finally {
    clearInterval(alive);
    os.cpus = cpus;
  }
  return { adapter: 'wasm', threads: wasm.getThreadsCount() };
}

async function select(tf, backend) {
  if (!(await tf.setBackend(backend))) throw new Error(`@tensorflow/tfjs could not start its ${backend} backend`);
  await tf.ready();
}

/** Sends what is recorded and waits for the device; the wasm backend has finished when an op returns. */
async function finish(tf) {
  const backend = tf.backend();
  if (tf.getBackend() !== 'webgpu') return;
  if (backend.commandEncoder) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
  await backend.queue.onSubmittedWorkDone();
}

async function matmul(tf, a, b, n) {
  const left = tf.tensor2d(a, [n, n]);
  const right = tf.tensor2d(b, [n, n]);
  return {
    async run() {
      const product = tf.matMul(left, right);
      await finish(tf);
      product.dispose();
    },
    async result() {
      const product = tf.matMul(left, right);
      const data = await product.data();
      product.dispose();
      return data;
    },
    dispose: () => tf.dispose([left, right]),
  };
}

async function topk(tf, x, k) {
  const input = tf.tensor1d(x);
  const largest = () => tf.tidy(() => tf.topk(tf.abs(input), k).values);
  return {
    async run() {
      const found = largest();
      await finish(tf);
      found.dispose();
    },
    async result() {
      const found = largest();
      const data = await found.data();
      found.dispose();
      return data;
    },
    dispose: () => input.dispose(),
  };
}

async function training(tf, network, seed) {
  const values = initialValues(network, seed);
  const { images, labels } = batchOf(network, seed);
  const p = {};
  for (const [name, { shape }] of Object.entries(network.parameters)) {
    p[name] = tf.tidy(() => tf.variable(tf.tensor(values[name], shape)));
  }
  const inputs = tf.tensor(images, [network.batch, ...network.input]);
  const targets = tf.tensor2d(oneHot(labels), [network.batch, oneHot([0]).length]);
  const optimizer =
    network.optimizer === 'adam'
      ? tf.train.adam(network.learningRate, ADAM.beta1, ADAM.beta2, ADAM.epsilon)
      : tf.train.momentum(network.learningRate, MOMENTUM);
  const variables = Object.values(p);
  const loss = () => tf.losses.softmaxCrossEntropy(targets, FORWARD[network.name](tf, p, inputs));
  const advance = () => tf.tidy(() => optimizer.minimize(loss, true, variables));

  return {
    async run() {
      const value = advance();
      await finish(tf);
      value.dispose();
    },
    async loss() {
      const value = advance();
      const [number] = await value.data();
      value.dispose();
      return number;
    },
    dispose() {
      optimizer.dispose();
      tf.dispose([...variables, inputs, targets]);
    },
  };
}

const FORWARD = {
  mlp(tf, p, x) {
    const h1 = tf.relu(tf.add(tf.matMul(x, p.w1), p.b1));
    const h2 = tf.relu(tf.add(tf.matMul(h1, p.w2), p.b2));
    return tf.add(tf.matMul(h2, p.w3), p.b3);
  },
  convnet(tf, p, x) {
    const layer = (input, w, b) => tf.relu(tf.maxPool(tf.add(tf.conv2d(input, w, 1, 'valid'), b), 2, 2, 'valid'));
    const h2 = layer(layer(x, p.w1, p.b1), p.w2, p.b2);
    const h3 = tf.relu(tf.add(tf.matMul(tf.reshape(h2, [-1, 800]), p.w3), p.b3));
    return tf.add(tf.matMul(h3, p.w4), p.b4);
  },
  resnet20(tf, p, x) {
    const convNorm = (input, name, stride) => {
      const y = tf.conv2d(input, p[`${name}.w`], stride, 1, 'NHWC', 1, 'floor');
      const { mean, variance } = tf.moments(y, [0, 1, 2]);
      return tf.batchNorm(y, mean, variance, p[`${name}.shift`], p[`${name}.scale`], BATCH_NORM_EPSILON);
    };
    let h = tf.relu(convNorm(x, 'stem', 1));
    for (const { name, stride } of RESNET20_BLOCKS) {
      const inner = tf.relu(convNorm(h, `${name}.1`, stride));
      h = tf.relu(tf.add(convNorm(inner, `${name}.2`, 1), stride === 1 ? h : shortcut(tf, h)));
    }
    return tf.add(tf.matMul(tf.mean(h, [1, 2]), p['head.w']), p['head.b']);
  },
};

/** Option A; strided slices have no gradient in the library, so a reshape and a plain slice do it. */
function shortcut(tf, x) {
  const [batch, height, width, channels] = x.shape;
  const pairs = tf.reshape(x, [(batch * height) / 2, 2, width / 2, 2 * channels]);
  const picked = tf.reshape(tf.slice(pairs, [0, 0, 0, 0], [-1, 1, -1, channels]), [
    batch,
    height / 2,
    width / 2,
    channels,
  ]);
  return tf.pad(picked, [
    [0, 0],
    [0, 0],
    [0, 0],
    [channels / 2, channels / 2],
  ]);
}

/**
 * The wasm backend has no kernel for the gradient of a convolution's filter, so no ConvNet trains on it. This one
 * builds the matrix of all windows out of slices and leaves the product to the library: its fastest way by far.
 */
function registerFilterGradient(tf) {
  tf.registerKernel({
    kernelName: 'Conv2DBackpropFilter',
    backendName: 'wasm',
    kernelFunc: ({ inputs: { x, dy }, attrs: { strides, pad, dataFormat, dimRoundingMode, filterShape } }) =>
      tf.tidy(() => {
        const info = tf.backend_util.computeConv2DInfo(
          x.shape,
          filterShape,
          strides,
          1,
          pad,
          dimRoundingMode,
          false,
          tf.backend_util.convertConv2DDataFormat(dataFormat),
        );
        const { batchSize, outHeight, outWidth, outChannels, filterHeight, filterWidth, padInfo } = info;
        const [rows, columns] = typeof strides === 'number' ? [strides, strides] : strides;
        const byChannel = tf.pad(tf.transpose(x, [3, 0, 1, 2]), [
          [0, 0],
          [0, 0],
          [padInfo.top, padInfo.bottom],
          [padInfo.left, padInfo.right],
        ]);
        const windows = [];
        for (let ky = 0; ky < filterHeight; ky++) {
          for (let kx = 0; kx < filterWidth; kx++) {
            const end = [ky + (outHeight - 1) * rows + 1, kx + (outWidth - 1) * columns + 1];
            windows.push(
              tf.stridedSlice(byChannel, [0, 0, ky, kx], [info.inChannels, batchSize, ...end], [1, 1, rows, columns]),
            );
          }
        }
        const pixels = batchSize * outHeight * outWidth;
        const matrix = tf.reshape(tf.concat(windows, 0), [-1, pixels]);
        return tf.reshape(tf.matMul(matrix, tf.reshape(dy, [pixels, outChannels])), filterShape);
      }),
  });
}
