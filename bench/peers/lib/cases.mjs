/**
 * Prepares a case on a peer, runs it once and verifies the result against a float64 reference on the host.
 *
 * @typedef {{ run: () => Promise<void>, dispose: () => void }} Work one complete call or step, finished on the device
 * @typedef {Work & { result: () => Promise<Float32Array> }} ArrayWork
 * @typedef {Work & { result: () => Promise<{ u: Float32Array, s: Float32Array, vt: Float32Array }> }} SvdWork
 * @typedef {Work & { loss: () => Promise<number> }} TrainingWork a step that returns the loss before its update
 * @typedef {{
 *   version: string, adapter: string, threads: number,
 *   matmul: (a: Float32Array, b: Float32Array, n: number) => Promise<ArrayWork>,
 *   topk?: (x: Float32Array, k: number) => Promise<ArrayWork> the k largest magnitudes, falling
 *   svd?: (a: Float32Array, m: number, n: number) => Promise<SvdWork> thin, m >= n
 *   training: (network: import('./networks.mjs').Network, seed: number) => Promise<TrainingWork>,
 * }} Peer
 */
import { takeDeviceErrors } from './gpu.mjs';
import { batchOf, initialValues, network } from './networks.mjs';
import { uniform } from './random.mjs';
import { matmulError, referenceLoss, svdError } from './reference.mjs';

/** Largest error of an entry, relative to the sum of its absolute products. */
const MATMUL_TOLERANCE = 1e-5;
/** Largest entry of U S V' - A and of U'U - 1, relative to the largest singular value. */
const SVD_TOLERANCE = 1e-3;
/** Largest relative error of the first loss. */
const LOSS_TOLERANCE = 1e-4;

/** A library lacks an operation that the case needs. */
export class UnsupportedError extends Error {
  name = 'UnsupportedError';
}

/** @param {Peer} peer @returns {string[]} the cases that it can do */
export const casesOf = (peer) => ['matmul', 'mlp', 'convnet', 'resnet20', ...['topk', 'svd'].filter((c) => peer[c])];

/**
 * @param {Peer} peer
 * @param {string} name matmul, mlp, convnet, resnet20, topk or svd
 * @param {{ m?: number, n?: number, k?: number, batch?: number, learningRate?: number, checkSteps?: number }} params
 * @param {number} seed
 * @returns {Promise<{ work: Work, check: object, firstMs: number, sinceStartMs: number }>}
 */
export async function prepareCase(peer, name, params, seed) {
  if (!casesOf(peer).includes(name)) {
    if (['topk', 'svd'].includes(name)) throw new UnsupportedError(`the library has no ${name}`);
    throw new RangeError(`expected one of the cases ${casesOf(peer).join(', ')}, got ${name}`);
  }
  try {
    if (name === 'topk') return await prepareTopk(peer, params, seed);
    if (name === 'svd') return await prepareSvd(peer, params, seed);
    if (name === 'matmul') return await prepareMatmul(peer, params, seed);
    return await prepareTraining(peer, name, params, seed);
  } catch (error) {
    if (isMissing(error)) throw new UnsupportedError(error.message);
    throw error;
  }
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

function positive(params, ...names) {
  for (const name of names) {
    if (!Number.isInteger(params[name]) || params[name] < 1)
      throw new RangeError(`${name} must be a positive integer: ${params[name]}`);
  }
}

async function prepareMatmul(peer, params, seed) {
  positive(params, 'n');
  const { n } = params;
  const a = uniform(n * n, -1, 1, seed, 1);
  const b = uniform(n * n, -1, 1, seed, 2);
  const work = await peer.matmul(a, b, n);
  return checked(`matmul ${n}`, work, (product) => matmulError(a, b, product, n), MATMUL_TOLERANCE);
}

async function prepareTopk(peer, params, seed) {
  positive(params, 'n', 'k');
  const { n, k } = params;
  const x = uniform(n, -1, 1, seed, 1);
  const largest = x
    .map(Math.abs)
    .sort()
    .subarray(n - k)
    .reverse();
  const wrong = (values) => largest.reduce((worst, v, i) => Math.max(worst, Math.abs(v - values[i])), 0);
  return checked(`topk ${k} of ${n}`, await peer.topk(x, k), wrong, 0);
}

async function prepareSvd(peer, params, seed) {
  positive(params, 'm', 'n');
  const { m, n } = params;
  const a = uniform(m * n, -1, 1, seed, 1);
  const work = await peer.svd(a, m, n);
  return checked(`svd ${m} x ${n}`, work, (factors) => svdError(a, m, n, factors), SVD_TOLERANCE);
}

/** Runs work, holds its result against the tolerance, and says how long the first call took. */
function checked(what, work, errorOf, tolerance) {
  return verified(work, async () => {
    const { ms: firstMs } = await timed(work.run);
    const sinceStartMs = performance.now();
    const { value } = await timed(work.result);
    const maxRelErr = errorOf(value);
    if (!(maxRelErr <= tolerance)) {
      throw new Error(`${what}: expected an error of at most ${tolerance}, got ${maxRelErr}`);
    }
    return { check: { maxRelErr, tolerance }, firstMs, sinceStartMs };
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
