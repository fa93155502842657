import type { Device } from '../../src/gpu/device.js';
import { keepMask } from '../../src/select/mask.js';
import { topk } from '../../src/select/topk.js';
import { scope } from '../../src/tensor/scope.js';
import { type Tensor, tensor } from '../../src/tensor/tensor.js';
import type { Candidate, Case, Check, Family } from '../case.js';
import { deviceWork } from '../device-work.js';
import { uniform } from '../peers/lib/random.mjs';

const N = 1_000_000;

function candidate(
  device: Device,
  work: { bytes: number; run(x: Tensor): Tensor; check(values: Float32Array, result: ArrayLike<number>): Check },
): Candidate {
  return {
    name: 'secateur',
    kind: 'engine',
    async prepare() {
      const values = uniform(N, -1, 1, 1, 1);
      const x = tensor(device, values);
      try {
        const result = work.run(x);
        const check = work.check(values, await result.data());
        result.dispose();
        return deviceWork(device, {
          call: () => work.run(x).dispose(),
          check,
          cost: { flops: 0, bytes: work.bytes },
          dispose: () => x.dispose(),
        });
      } catch (error) {
        x.dispose();
        throw error;
      }
    },
  };
}

/** Elements of a mask that differ from the k greatest magnitudes, the first of equals. */
function wrongInMask(values: Float32Array, k: number, mask: ArrayLike<number>): number {
  const order = Uint32Array.from(values, (_, i) => i).sort(
    (a, b) => Math.abs(values[b]) - Math.abs(values[a]) || a - b,
  );
  const kept = new Set(order.subarray(0, k));
  return values.reduce((wrong, _, i) => wrong + (Number(mask[i] !== 0) === Number(kept.has(i)) ? 0 : 1), 0);
}

/** What pruning asks of selection: a mask, and the best few with their places. */
const family: Family = ({ device }) => {
  const few = 1000;
  return [
    {
      name: 'mask of the greatest tenth of 10^6 magnitudes',
      candidates: [
        candidate(device, {
          bytes: 8 * N,
          run: (x) => scope(() => keepMask(x, N / 10, { by: 'magnitude' }).mask),
          check: (values, mask) => ({ what: 'mask', error: wrongInMask(values, N / 10, mask), tolerance: 0 }),
        }),
      ],
    },
    {
      name: 'top 1000 of 10^6, sorted',
      candidates: [
        candidate(device, {
          bytes: 4 * N,
          run: (x) => scope(() => topk(x, few).values),
          check(values, result) {
            const sorted = values.slice().sort().reverse();
            const wrong = Array.from(result).filter((v, i) => v !== sorted[i]).length;
            return { what: 'top values', error: result.length === few ? wrong : Number.NaN, tolerance: 0 };
          },
        }),
      ],
    },
  ] satisfies Case[];
};

export default family;
