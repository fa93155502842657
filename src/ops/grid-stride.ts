import type { Device } from '../gpu/device.js';
import { foldGrid, type Grid } from '../gpu/kernel.js';

/** Invocations a workgroup of a grid-stride kernel. */
export const STRIDE_WORKGROUP = 64;

/** Grid of a grid-stride loop over n units: few workgroups with real work on software devices, all at once on GPUs. */
export function strideGrid(device: Device, n: number): Grid {
  const software = device.deviceClass === 'software';
  const groups = Math.ceil(n / STRIDE_WORKGROUP / (software ? 4 : 1));
  return foldGrid(Math.max(1, Math.min(groups, software ? 256 : 65535 * 16)), device.limits.maxWorkgroups);
}
