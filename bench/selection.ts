import type { Device } from '../src/gpu/device.js';
import { type Tensor, tensor } from '../src/tensor/tensor.js';
import type { Candidate, Case, Check, Family, Prepared } from './case.js';
import { deviceWork } from './device-work.js';
import { uniform } from './peers/lib/random.mjs';

/** The magnitude that k of n values reach, as a mask of sparsity 1 - k / n needs it. */
export interface Selection {
  n: number;
  k: number;
}

/** A candidate for every case of the k-th magnitude in the suite `topk`. */
export interface SelectionVariant {
  name: string;
  kind?: Candidate['kind'];
  prepare(device: Device, values: Float32Array, k: number): Prepared | Promise<Prepared>;
}

const SEED = 1;
/** Share of the values that stays. */
const DENSITY = 0.1;

function sizes(device: Device, quick: boolean): number[] {
  if (quick) return [1e5, 1e6];
  return [1e5, 1e6, 1e7, ...(device.limits.maxBinding >= 4e8 ? [1e8] : [])];
}

const count = (n: number): string => `10^${Math.log10(n)}`;

/** The family of a variant: one candidate beside the others in every case. */
export function selectionVariant(variant: SelectionVariant): Family {
  return ({ device, quick }) =>
    sizes(device, quick).map((n): Case => {
      const k = n * DENSITY;
      return {
        name: `k-th magnitude of ${count(n)}, k = n / 10`,
        peer: { case: 'topk', params: { n, k }, items: n },
        candidates: [
          {
            name: variant.name,
            kind: variant.kind ?? 'variant',
            prepare: async () => variant.prepare(device, uniform(n, -1, 1, SEED, 1), k),
          },
        ],
      };
    });
}

/** Selection on the device, held against a sort on the host; `run` returns the k-th magnitude as its one element. */
export async function deviceSelection(
  device: Device,
  values: Float32Array,
  k: number,
  run: (x: Tensor) => Tensor,
): Promise<Prepared> {
  const x = tensor(device, values);
  const call = () => run(x).dispose();
  try {
    const result = run(x);
    const found = await result.item();
    result.dispose();
    return deviceWork(device, {
      call,
      check: checkKth(values, k, found),
      // One look at every value.
      cost: { flops: 0, bytes: 4 * values.length },
      waitEach: true,
      dispose: () => x.dispose(),
    });
  } catch (error) {
    x.dispose();
    throw error;
  }
}

/** Exactly the k-th: selection has no tolerance. */
export function checkKth(values: Float32Array, k: number, found: number): Check {
  const sorted = values.map(Math.abs).sort();
  return { what: 'k-th magnitude', error: Math.abs(found - sorted[sorted.length - k]), tolerance: 0 };
}
