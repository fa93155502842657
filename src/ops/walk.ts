import { WALK_WORKGROUP } from '../../shaders/walk.js';
import type { Device } from '../gpu/device.js';
import { foldGrid, type Grid } from '../gpu/kernel.js';

/** Most workgroups of one walk: software devices want few with much work, and two cores to share them. */
const MOST = { software: 128, gpu: 65535 * 16 };

/** Grid and first parameters of a kernel that walks n units by `chunkWalk`. */
export function walkOf(device: Device, n: number): { params: [n: number, chunk: number]; grid: Grid } {
  const software = device.deviceClass === 'software';
  const rounds = Math.ceil(n / WALK_WORKGROUP);
  const groups = Math.max(1, Math.min(Math.ceil(rounds / (software ? 4 : 1)), software ? MOST.software : MOST.gpu));
  const perGroup = Math.ceil(rounds / groups);
  return {
    params: [n, perGroup * WALK_WORKGROUP],
    grid: foldGrid(Math.ceil(rounds / perGroup), device.limits.maxWorkgroups),
  };
}
