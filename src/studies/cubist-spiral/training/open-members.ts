import type { Device } from '../../../gpu/device.js';
import { ArgumentError } from '../../../gpu/errors.js';
import { mlp } from '../../../nn/zoo/mlp.js';
import { bytesPerModel, mlpCapacity, mlpFits, mlpParameterCount } from '../../../population/index.js';
import type { Widths } from '../enumerate.js';
import { FusedMembers } from './fused-members.js';
import type { Members, MembersOptions } from './members.js';
import { OrdinaryMembers } from './ordinary-members.js';
import { spiralShape, TRAINING } from './setting.js';

/** Networks under training: in the fused kernel where it holds their shape, by the ordinary path elsewhere. */
export function openMembers(device: Device, options: MembersOptions): Members {
  const { widths, rates, schedules, start } = options;
  const parameters = mlpParameterCount(spiralShape(widths));
  const count = rates.length;
  for (const [what, got, expected] of [
    ['schedules', schedules.length, count],
    ['values', start.values.length, count * parameters],
    ['momenta', start.momenta.length, count * parameters],
    ['mask values', options.masks?.length ?? count * parameters, count * parameters],
  ] as const)
    if (got !== expected) throw new ArgumentError('openMembers', `${expected} ${what}`, `${got}`);
  const fits = mlpFits(device, spiralShape(widths));
  return fits.form ? new FusedMembers(device, options) : new OrdinaryMembers(device, options, fits.reason);
}

/** Bytes that networks of the ordinary path may take at a time. */
const MEMORY = 2 ** 30;

/** Most networks of a shape that are opened at a time. */
export function membersCapacity(device: Device, widths: Widths): number {
  const shape = spiralShape(widths);
  if (mlpFits(device, shape).form) return mlpCapacity(device, shape, 1);
  const { total, largest } = bytesPerModel(mlp([2, ...widths, 1]), { input: [2], batch: TRAINING.batch, slots: 1 });
  return Math.max(1, Math.min(Math.floor(MEMORY / total), Math.floor(device.limits.maxBinding / largest)));
}
