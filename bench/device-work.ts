import type { Cost } from '../src/gpu/kernel.js';
import type { Device } from '../src/index.js';
import type { HostArray } from '../src/tensor/dtype.js';
import { scope } from '../src/tensor/scope.js';
import type { Tensor } from '../src/tensor/tensor.js';
import type { Check, KernelTime, Prepared } from './case.js';

export interface DeviceWork {
  /** Encodes one call; what it makes, it frees. */
  call(): void;
  check: Check;
  cost?: Cost;
  /**
   * Wait after every call, as the peers do. Without it the calls of a sample are encoded one after the other and
   * waited for once.
   */
  waitEach?: boolean;
  facts?: Record<string, unknown>;
  dispose(): void;
}

/** Work of this engine as the harness samples it: wall time to the last result, and GPU time by kernel. */
export function deviceWork(device: Device, work: DeviceWork): Prepared {
  return {
    check: work.check,
    cost: work.cost,
    facts: work.facts,
    async sample(calls) {
      const start = performance.now();
      for (let i = 0; i < calls; i++) {
        work.call();
        if (work.waitEach) await device.sync();
      }
      if (!work.waitEach) await device.sync(); // also throws what validation found
      return (performance.now() - start) / calls;
    },
    profile: device.hasTimestamps ? () => profileCall(device, work.call) : undefined,
    dispose: work.dispose,
  };
}

/** What one call computes, on the host. */
export async function resultOf(call: () => Tensor): Promise<HostArray> {
  return (await resultsOf(() => [call()]))[0];
}

export async function resultsOf(call: () => Tensor[]): Promise<HostArray[]> {
  const results = scope(call);
  try {
    return await Promise.all(results.map((t) => t.data()));
  } finally {
    for (const t of results) t.dispose();
  }
}

/** GPU time of one call, by kernel, longest first. */
export async function profileCall(device: Device, call: () => void): Promise<KernelTime[]> {
  const rows = await device.profile(call);
  const byKernel = new Map<string, KernelTime>();
  for (const { kernel, ns } of rows) {
    const t = byKernel.get(kernel) ?? { kernel, dispatches: 0, ms: 0 };
    byKernel.set(kernel, { kernel, dispatches: t.dispatches + 1, ms: t.ms + ns / 1e6 });
  }
  return [...byKernel.values()].sort((a, b) => b.ms - a.ms);
}
