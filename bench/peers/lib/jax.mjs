/** @jax-js/jax: the same work, written as its documentation and demos do (NCHW, `jit`, reference counts). */
import { createRequire } from 'node:module';
import { adapterDescription, installGpu, installNavigator } from './gpu.mjs';
import { ADAM, BATCH_NORM_EPSILON, batchOf, initialValues, MOMENTUM, oneHot, RESNET20_BLOCKS } from './networks.mjs';
import { installWebWorker } from './threads.mjs';

/**
 * @param {{ backend: 'webgpu' | 'wasm', wait: 'throttled' | 'spin', threads: number }} options
 * @returns {Promise<import('./cases.mjs').Peer>}
 */
export async function createJaxPeer({ backend, wait, threads }) {
  if (backend === 'webgpu') await installGpu({ wait });
  else installNavigator({ hardwareConcurrency: threads });
  // The wasm backend makes its memory shared and starts its threads where it finds a Worker.
  if (backend === 'wasm' && threads > 1) installWebWorker();
  const jax = await import('@jax-js/jax');
  const available = await jax.init(backend);
  if (!available.includes(backend)) throw new Error(`@jax-js/jax found no ${backend} backend`);
  jax.defaultDevice(backend);

  return {
    version: installedVersion(),
    adapter: backend === 'webgpu' ? adapterDescription() : 'wasm',
    threads: backend === 'wasm' ? threads : 0,
    matmul: (a, b, n) => matmul(jax, a, b, n),
    topk: (x, k) => topk(jax, x, k),
    svd: (a, m, n) => svd(jax, a, m, n),
    training: (network, seed) => training(jax, network, seed),
  };
}

function installedVersion() {
  const require = createRequire(import.meta.url);
  const entry = require.resolve('@jax-js/jax');
  return require(`${entry.slice(0, entry.lastIndexOf('/dist/'))}/package.json`).version;
}

async function matmul(jax, a, b, n) {
  const { numpy: np } = jax;
  const left = np.array(a).reshape([n, n]);
  const right = np.array(b).reshape([n, n]);
  await jax.blockUntilReady([left, right]);
  const multiply = () => np.matmul(left.ref, right.ref);
  return {
    async run() {
      const product = multiply();
      await product.blockUntilReady();
      product.dispose();
    },
    result: () => multiply().data(),
    dispose() {
      left.dispose();
      right.dispose();
    },
  };
}

async function topk(jax, x, k) {
  const { lax, numpy: np } = jax;
  const input = np.array(x);
  await input.blockUntilReady();
  const largest = jax.jit((values) => {
    const [found, places] = lax.topK(np.abs(values), k);
    places.dispose();
    return found;
  });
  return {
    async run() {
      const found = largest(input.ref);
      await found.blockUntilReady();
      found.dispose();
    },
    result: () => largest(input.ref).data(),
    dispose() {
      input.dispose();
      largest.dispose();
    },
  };
}

async function svd(jax, a, m, n) {
  const { numpy: np, tree } = jax;
  const input = np.array(a).reshape([m, n]);
  await input.blockUntilReady();
  const decompose = jax.jit((matrix) => np.linalg.svd(matrix, { fullMatrices: false }));
  return {
    async run() {
      const factors = decompose(input.ref);
      await jax.blockUntilReady(factors);
      tree.dispose(factors);
    },
    async result() {
      const [u, s, vt] = decompose(input.ref);
      return { u: await u.data(), s: await s.data(), vt: await vt.data() };
    },
    dispose() {
      input.dispose();
      decompose.dispose();
    },
  };
}

async function training(jax, network, seed) {
  const { numpy: np, tree } = jax;
  const values = initialValues(network, seed);
  const { images, labels } = batchOf(network, seed);
  const parameters = {};
  for (const [name, { shape }] of Object.entries(network.parameters)) {
    parameters[name] = toArray(np, network, name, values[name], shape);
  }
  const [height, width, channels] = network.input;
  const x = np.array(images).reshape([network.batch, ...network.input]);
  const inputs = channels ? np.transpose(x, [0, 3, 1, 2]).reshape([network.batch, channels, height, width]) : x;
  const targets = np.array(oneHot(labels)).reshape([network.batch, -1]);

  const loss = (p, images, targets) => {
    const logits = FORWARD[network.name](jax, p, images);
    return jax.nn
      .logSoftmax(logits)
      .mul(targets)
      .sum()
      .mul(-1 / network.batch);
  };
  const optimizer =
    network.optimizer === 'adam' ? adam(jax, network.learningRate) : momentum(jax, network.learningRate);
  const step = jax.jit((p, state, images, targets) => {
    const [value, gradients] = jax.valueAndGrad(loss)(tree.ref(p), images, targets);
    return [value, ...optimizer.update(p, gradients, state)];
  });

  let state = optimizer.init(parameters);
  let current = parameters;
  await jax.blockUntilReady([current, state, inputs, targets]);

  const advance = async () => {
    const [value, nextParameters, nextState] = step(current, state, inputs.ref, targets.ref);
    current = nextParameters;
    state = nextState;
    await jax.blockUntilReady([value, current, state]);
    return value;
  };
  return {
    async run() {
      (await advance()).dispose();
    },
    async loss() {
      return (await advance()).jsAsync();
    },
    dispose() {
      tree.dispose([current, state, inputs, targets]);
      step.dispose();
    },
  };
}

/** Uploads a parameter in the layout that the library takes: HWIO becomes OIHW, a bias of a convolution [C, 1, 1]. */
function toArray(np, network, name, values, shape) {
  const array = np.array(values).reshape(shape);
  if (shape.length === 4) {
    const [size, , channels, out] = shape;
    return np.transpose(array, [3, 2, 0, 1]).reshape([out, channels, size, size]);
  }
  // Flattened images come as [C, H, W] here: the rows of the first dense weight follow.
  if (network.name === 'convnet' && name === 'w3') {
    return np.transpose(array.reshape([5, 5, 32, shape[1]]), [2, 0, 1, 3]).reshape(shape);
  }
  const perChannel = (network.name === 'convnet' && (name === 'b1' || name === 'b2')) || /\.(scale|shift)$/.test(name);
  return perChannel ? array.reshape([shape[0], 1, 1]) : array;
}

const maxPool2 = ({ lax, numpy: np }, x) => lax.reduceWindow(x, np.max, [2, 2], [2, 2]);

const FORWARD = {
  mlp({ nn, numpy: np }, p, x) {
    const h1 = nn.relu(np.dot(x, p.w1).add(p.b1));
    const h2 = nn.relu(np.dot(h1, p.w2).add(p.b2));
    return np.dot(h2, p.w3).add(p.b3);
  },
  convnet(jax, p, x) {
    const { lax, nn, numpy: np } = jax;
    const h1 = nn.relu(maxPool2(jax, lax.convGeneralDilated(x, p.w1, [1, 1], 'VALID').add(p.b1)));
    const h2 = nn.relu(maxPool2(jax, lax.convGeneralDilated(h1, p.w2, [1, 1], 'VALID').add(p.b2)));
    const h3 = nn.relu(np.dot(h2.reshape([-1, 800]), p.w3).add(p.b3));
    return np.dot(h3, p.w4).add(p.b4);
  },
  resnet20({ lax, nn, numpy: np }, p, x) {
    const padding = [
      [1, 1],
      [1, 1],
    ];
    const convNorm = (input, name, stride) => {
      const y = lax.convGeneralDilated(input, p[`${name}.w`], [stride, stride], padding);
      const standard = nn.standardize(y, [0, 2, 3], { epsilon: BATCH_NORM_EPSILON });
      return standard.mul(p[`${name}.scale`]).add(p[`${name}.shift`]);
    };
    let h = nn.relu(convNorm(x, 'stem', 1));
    for (const { name, stride } of RESNET20_BLOCKS) {
      const inner = nn.relu(convNorm(h.ref, `${name}.1`, stride));
      h = nn.relu(convNorm(inner, `${name}.2`, 1).add(stride === 1 ? h : shortcut(np, h)));
    }
    return np.dot(h.mean([2, 3]), p['head.w']).add(p['head.b']);
  },
};

/** Option A; the library has no strided slices, so a reshape and a plain slice do it. */
function shortcut(np, x) {
  const [batch, channels, height, width] = x.shape;
  const halves = x.reshape([batch, channels, height / 2, 2, width / 2, 2]);
  return np.pad(halves.slice([], [], [], 0, [], 0), [
    [0, 0],
    [channels / 2, channels / 2],
    [0, 0],
    [0, 0],
  ]);
}

/** Adam as in optax; the step count lives on the device. */
function adam({ numpy: np, tree }, learningRate) {
  const { beta1, beta2, epsilon } = ADAM;
  return {
    init: (parameters) => ({
      count: np.zeros([]),
      mean: tree.map((p) => np.zeros(p.shape), parameters),
      square: tree.map((p) => np.zeros(p.shape), parameters),
    }),
    update(parameters, gradients, state) {
      const count = state.count.add(1);
      const mean = tree.map((m, g) => m.mul(beta1).add(g.ref.mul(1 - beta1)), state.mean, gradients);
      const square = tree.map((v, g) => v.mul(beta2).add(np.square(g).mul(1 - beta2)), state.square, gradients);
      const meanScale = np
        .exp(count.ref.mul(Math.log(beta1)))
        .mul(-1)
        .add(1);
      const squareScale = np
        .exp(count.ref.mul(Math.log(beta2)))
        .mul(-1)
        .add(1);
      const next = tree.map(
        (p, m, v) => {
          const step = m.ref.div(meanScale.ref).div(np.sqrt(v.ref.div(squareScale.ref)).add(epsilon));
          return p.sub(step.mul(learningRate));
        },
        parameters,
        mean,
        square,
      );
      tree.dispose([meanScale, squareScale]);
      return [next, { count, mean, square }];
    },
  };
}

/** Stochastic gradient descent with momentum: v = 0.9 v + g, p = p - rate v. */
function momentum({ numpy: np, tree }, learningRate) {
  return {
    init: (parameters) => tree.map((p) => np.zeros(p.shape), parameters),
    update(parameters, gradients, velocity) {
      const next = tree.map((v, g) => v.mul(MOMENTUM).add(g), velocity, gradients);
      return [tree.map((p, v) => p.sub(v.ref.mul(learningRate)), parameters, next), next];
    },
  };
}
