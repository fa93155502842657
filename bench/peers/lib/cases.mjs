/**
 * Prepares a case on a peer, runs it once and verifies the result against a float64 reference on the host.
 *
 * @typedef {{ run: () => Promise<void>, dispose: () => void }} Work one complete call or step, finished on the device
 * @typedef {Work & { result: () => Promise<Float32Array> }} MatmulWork
 * @typedef {Work & { loss: () => Promise<number> }} TrainingWork a step that returns the loss before its update
 * @typedef {{
 *   version: string, adapter: string, threads: number,
 *   matmul: (a: Float32Array, b: Float32Array, n: number) => Promise<MatmulWork>,
 *   training: (network: import('./networks.mjs').Network, seed: number) => Promise<TrainingWork>,
 * }} Peer
 */
import { takeDeviceErrors } from './gpu.mjs';
import { batchOf, initialValues, isNetwork, network } from './networks.mjs';
import { uniform } from './random.mjs';
import { matmulError, referenceLoss } from './reference.mjs';

/** Largest error of an entry, relative to the sum of its absolute products. */
const MATMUL_TOLERANCE = 1e-5;
/** Largest relative error of the first loss. */
const LOSS_TOLERANCE = 1e-4;

/** A library lacks an operation that the case needs. */
export class UnsupportedError extends Error {
  name = 'UnsupportedError';
}

/**
 * @param {Peer} peer
 * @param {string} name matmul, mlp, convnet or resnet20
 * @param {{ n?: number, batch?: number, learningRate?: number, checkSteps?: number }} params
 * @param {number} seed
 * @returns {Promise<{ work: Work, check: object, firstMs: number, sinceStartMs: number }>}
 */
export async function prepareCase(peer, name, params, seed) {
  try {
    if (name === 'matmul') return await prepareMatmul(peer, params, seed);
    if (isNetwork(name)) return await prepareTraining(peer, name, params, seed);
  } catch (error) {
    if (isMissing(error)) throw new UnsupportedError(error.message);
    throw error;
  }
  throw new RangeError(`expected the case matmul, mlp, convnet or resnet20, got ${name}`);
}

/** Runs work and returns its wall time in ms; errors that the device reported meanwhile are thrown. */
export async function timed(run) {
  const start = performance.now();
  const value = await run();
  const ms = performance.now() - start;
  const errors = await takeDeviceErrors();
  if (errors.length > 0) throw new Error(`the device reported: ${errors.join('; ')}`);
  return { ms, value };
}

async function prepareMatmul(peer, { n }, seed) {
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`matmul: n must be a positive integer: ${n}`);
  const a = uniform(n * n, -1, 1, seed, 1);
  const b = uniform(n * n, -1, 1, seed, 2);
  return verified(await peer.matmul(a, b, n), async (work) => {
    const { ms: firstMs } = await timed(work.run);
    const sinceStartMs = performance.now();
    const { value: product } = await timed(work.result);
    const maxRelErr = matmulError(a, b, product, n);
    if (!(maxRelErr <= MATMUL_TOLERANCE)) {
      throw new Error(`matmul ${n}: expected an error of at most ${MATMUL_TOLERANCE}, got ${maxRelErr}`);
    }
    return { check: { maxRelErr, tolerance: MATMUL_TOLERANCE }, firstMs, sinceStartMs };
  });
}

async function prepareTraining(peer, name, params, seed) {
  const { checkSteps = 2 } = params;
  if (!Number.isInteger(checkSteps) || checkSteps < 1)
    throw new RangeError(`checkSteps must be positive: ${checkSteps}`);
  const net = network(name, params);
  return verified(await peer.training(net, seed), async (work) => {
    const first = await timed(work.loss);
    const sinceStartMs = performance.now();
    const losses = [first.value];
    for (let step = 0; step < checkSteps; step++) losses.push((await timed(work.loss)).value);

    const reference = referenceLoss(net, initialValues(net, seed), batchOf(net, seed));
    const maxRelErr = Math.abs(losses[0] - reference) / Math.abs(reference);
    if (!(maxRelErr <= LOSS_TOLERANCE)) {
      throw new Error(`${name}: expected the first loss ${reference} within ${LOSS_TOLERANCE}, got ${losses[0]}`);
    }
    if (!(losses.at(-1) < losses[0]))
      throw new Error(`${name}: expected the loss to go down, got ${losses.join(', ')}`);
    const check = { maxRelErr, tolerance: LOSS_TOLERANCE, referenceLoss: reference, losses };
    return { check, firstMs: first.ms, sinceStartMs };
  });
}

/** Adds `work` to what `verify` finds out about it, or frees it where that throws. */
async function verified(work, verify) {
  try {
    return { work, ...(await verify(work)) };
  } catch (error) {
    work.dispose();
    throw error;
  }
}

/** Whether a library said that it lacks an operation. */
function isMissing(error) {
  return /Unsupported(Op|Routine)Error|not registered for (the )?backend|not (yet )?implemented/i.test(
    `${error?.name}: ${error?.message}`,
  );
}
