import { add, batchNorm, type Device, scope, softmax, sum, type Tensor, tensor } from '../../src/index.js';
import type { Candidate, Case, Check, Family } from '../case.js';
import { deviceWork } from '../device-work.js';
import { uniform } from '../peers/lib/random.mjs';

/** A kernel that moves more than it computes. */
interface Pass {
  name: string;
  shape: number[];
  /** Bytes that must move per element, and operations on it. */
  bytes: number;
  flops: number;
  /** Vectors of the last axis's length, beside the large inputs. */
  vectors?: number;
  inputs: number;
  run(inputs: readonly Tensor[]): Tensor;
  check(inputs: readonly Float32Array[], result: ArrayLike<number>): Check;
}

const SAMPLED = 1000;

/** Largest |actual - expected| over sampled elements; NaN where any is NaN. */
function worstOf(length: number, error: (at: number) => number): number {
  let worst = 0;
  for (let s = 0; s < SAMPLED; s++) {
    worst = Math.max(worst, Math.abs(error(s === 1 ? length - 1 : (s * 104_729) % length)));
  }
  return worst;
}

function passes(software: boolean): Pass[] {
  const rows = software ? 4096 : 65_536;
  const pixels = (software ? 128 : 1024) * 32 * 32;
  return [
    {
      name: 'add',
      shape: [rows, 1024],
      bytes: 12,
      flops: 1,
      inputs: 2,
      run: ([a, b]) => add(a, b),
      check: ([a, b], y) => ({
        what: 'add',
        error: worstOf(y.length, (i) => y[i] - Math.fround(a[i] + b[i])),
        tolerance: 0,
      }),
    },
    {
      name: 'sum of all',
      shape: [rows, 1024],
      bytes: 4,
      flops: 1,
      inputs: 1,
      run: ([x]) => sum(x),
      check: ([x], y) => {
        const total = x.reduce((t, v) => t + v, 0);
        const size = x.reduce((t, v) => t + Math.abs(v), 0);
        return {
          what: 'sum, relative to the sum of absolute values',
          error: Math.abs(y[0] - total) / size,
          tolerance: 1e-6,
        };
      },
    },
    {
      name: 'sum over rows',
      shape: [rows, 1024],
      bytes: 4,
      flops: 1,
      inputs: 1,
      run: ([x]) => sum(x, [0]),
      check: ([x], y) => {
        const column = (c: number) => {
          let total = 0;
          for (let r = 0; r < rows; r++) total += x[r * 1024 + c];
          return total;
        };
        // Sums of about `rows` values below 1 in absolute value.
        return { what: 'column sums', error: worstOf(32, (i) => y[i] - column(i)) / rows, tolerance: 1e-6 };
      },
    },
    {
      name: 'softmax',
      shape: [rows, 1024],
      bytes: 8,
      flops: 4,
      inputs: 1,
      run: ([x]) => softmax(x),
      check: ([x], y) => {
        const share = (at: number) => {
          const row = x.subarray(at - (at % 1024), at - (at % 1024) + 1024);
          return Math.exp(x[at]) / row.reduce((t, v) => t + Math.exp(v), 0);
        };
        return { what: 'softmax, relative', error: worstOf(y.length, (i) => y[i] / share(i) - 1), tolerance: 1e-5 };
      },
    },
    {
      name: 'batchNorm, training',
      shape: [pixels, 16],
      // Read for the statistics, read again, written.
      bytes: 12,
      flops: 6,
      inputs: 1,
      vectors: 2,
      run: ([x, gamma, beta]) => batchNorm(x, gamma, beta, { training: true }),
      check: ([x, gamma, beta], y) => {
        const mean = new Float64Array(16);
        const square = new Float64Array(16);
        x.forEach((v, i) => (mean[i % 16] += v / pixels));
        x.forEach((v, i) => (square[i % 16] += (v - mean[i % 16]) ** 2 / pixels));
        const value = (i: number) =>
          ((x[i] - mean[i % 16]) / Math.sqrt(square[i % 16] + 1e-5)) * gamma[i % 16] + beta[i % 16];
        return { what: 'batch norm', error: worstOf(y.length, (i) => y[i] - value(i)), tolerance: 1e-4 };
      },
    },
  ];
}

function candidate(device: Device, pass: Pass): Candidate {
  return {
    name: 'secateur',
    kind: 'engine',
    async prepare() {
      const size = pass.shape.reduce((a, b) => a * b, 1);
      const last = pass.shape[pass.shape.length - 1];
      const hosts = [
        ...Array.from({ length: pass.inputs }, (_, i) => uniform(size, -1, 1, 1, i)),
        ...Array.from({ length: pass.vectors ?? 0 }, (_, i) => uniform(last, 0.5, 1.5, 1, 10 + i)),
      ];
      const tensors = hosts.map((h) => tensor(device, h, { shape: h.length === size ? pass.shape : [last] }));
      const free = () => {
        for (const t of tensors) t.dispose();
      };
      try {
        const y = scope(() => pass.run(tensors));
        const values = await y.data();
        y.dispose();
        return deviceWork(device, {
          call: () => scope(() => void pass.run(tensors)),
          check: pass.check(hosts, values),
          cost: { flops: pass.flops * size, bytes: pass.bytes * size },
          dispose: free,
        });
      } catch (error) {
        free();
        throw error;
      }
    },
  };
}

const family: Family = ({ device }) =>
  passes(device.deviceClass === 'software').map(
    (pass): Case => ({ name: `${pass.name} [${pass.shape.join(', ')}]`, candidates: [candidate(device, pass)] }),
  );

export default family;
