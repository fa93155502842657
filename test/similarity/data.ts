import { hostQr, hostSvdvals, multiply, transpose } from '../../src/linalg/host/index.js';
import type { HostActivations } from '../../src/similarity/index.js';
import type { Inputs } from '../support/random.js';

/** The spec's fixture: six points of two and three neurons. */
export const X = host([1, 2, 2, 0, 3, 1, 4, 5, 5, 3, 6, 1], [6, 2]);
export const Y = host([2, 1, 0, 1, 0, 1, 3, 2, 1, 5, 4, 2, 4, 1, 3, 7, 0, 0], [6, 3]);

export function host(data: ArrayLike<number>, shape: number[]): HostActivations {
  return { data: Float64Array.from(data), shape };
}

/** Values as float32 holds them, so that both paths begin with the same numbers. */
export function host32(data: ArrayLike<number>, shape: number[]): HostActivations {
  return { data: Float32Array.from(data), shape };
}

export const gaussian = (inputs: Inputs, n: number, p: number): HostActivations => ({
  data: inputs.normal(n * p),
  shape: [n, p],
});

/** x times a matrix [p, q], plus an offset for every neuron. */
export function mapped(x: HostActivations, matrix: ArrayLike<number>, q: number, offset = 0): HostActivations {
  const [n, p] = x.shape;
  const out = multiply(Float64Array.from(x.data), Float64Array.from(matrix), n, p, q);
  return { data: out.map((v, at) => v + offset * ((at % q) + 1)), shape: [n, q] };
}

/** An orthogonal [p, p] matrix. */
export const orthogonal = (inputs: Inputs, p: number): Float64Array =>
  hostQr(Float64Array.from(inputs.normal(p * p)), p, p).q;

/** Two layers with signals in common: sums of shared columns and noise of their own. */
export function related(inputs: Inputs, n: number, p: number, q: number): [x: HostActivations, y: HostActivations] {
  const shared = Math.min(p, q);
  const common = inputs.normal(n * shared);
  const layer = (neurons: number): HostActivations => {
    const mix = inputs.normal(shared * neurons);
    const noise = inputs.normal(n * neurons);
    const sums = multiply(Float64Array.from(common), Float64Array.from(mix), n, shared, neurons);
    return { data: Float32Array.from(sums, (v, at) => v + 2 * noise[at]), shape: [n, neurons] };
  };
  return [layer(p), layer(q)];
}

/** Activations with given singular values s [p]: orthonormal columns of zero mean, times s, turned at random. */
export function withSpectrum(inputs: Inputs, common: Float64Array, n: number, s: number[]): HostActivations {
  const p = s.length;
  const own = inputs.normal(n * p);
  const noisy = common.map((v, at) => v + 0.7 * own[at]);
  const { q } = hostQr(centred(noisy, n, p), n, p);
  const turned = multiply(
    q.map((v, at) => v * s[at % p]),
    orthogonal(inputs, p),
    n,
    p,
    p,
  );
  return { data: Float32Array.from(turned), shape: [n, p] };
}

export function centred(x: ArrayLike<number>, n: number, p: number): Float64Array {
  const mean = new Float64Array(p);
  for (let at = 0; at < n * p; at++) mean[at % p] += x[at] / n;
  return Float64Array.from({ length: n * p }, (_, at) => x[at] - mean[at % p]);
}

/** Canonical correlations by another way: singular values of the product of orthonormal bases from QR. */
export function qrCorrelations(x: HostActivations, y: HostActivations): Float64Array {
  const [n, p] = x.shape;
  const q = y.shape[1];
  const a = hostQr(centred(x.data, n, p), n, p).q;
  const b = hostQr(centred(y.data, n, q), n, q).q;
  return hostSvdvals(multiply(transpose(a, n, p), b, p, n, q), p, q);
}

/** What an error says, or fails where there is none. */
export async function messageOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  throw new Error('expected an error');
}
