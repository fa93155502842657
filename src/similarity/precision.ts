import type { Device } from '../gpu/device.js';
import { ArgumentError } from '../gpu/errors.js';
import { commonDevice, Tensor } from '../tensor/tensor.js';
import type { Activations } from './activations.js';
import type { Flag, Precision, PrecisionOptions } from './result.js';

/** Multiply-adds that the host does in about as much time as a device takes to be asked (some 20 ms). */
const SMALL_WORK = 2e7;

/** A computation that exists on both sides. */
export interface TwoWays<T> {
  op: string;
  x: Activations;
  y: Activations;
  /** Multiply-adds, about. */
  work: number;
  host(): Promise<T>;
  /** Null where float32 does not hold what is needed. */
  device(device: Device): Promise<T | null>;
  /** Whether what float32 gave is good enough for its purpose. */
  suffices(found: T): boolean;
}

/**
 * Does it where the options say. On 'auto', what float32 cannot do is done again in float64, and flagged.
 *
 * @throws ArgumentError for a precision of another name, 'float32' without a device, or values that it does not hold
 * @throws DeviceMismatchError for tensors of several devices
 */
export async function inPrecision<T extends { flags: Flag[] }>(
  work: TwoWays<T>,
  { precision = 'auto', device: given }: PrecisionOptions,
): Promise<T> {
  const { op, x, y } = work;
  assertPrecision(op, precision);
  const device = deviceOf(op, [x, y], given);
  if (precision === 'float64') return work.host();
  if (!device) {
    if (precision === 'float32') throw new ArgumentError(op, 'a device for precision float32', 'none');
    return work.host();
  }
  if (precision === 'auto' && work.work <= SMALL_WORK) return work.host();
  const found = await work.device(device);
  if (found && work.suffices(found)) return found;
  if (precision === 'float32') {
    if (found) return { ...found, flags: [...found.flags, 'ill-conditioned'] };
    // The host names the place of a value that is not finite.
    await work.host();
    throw new ArgumentError(op, 'values whose squares float32 holds', 'larger or smaller ones');
  }
  const exact = await work.host();
  return { ...exact, flags: [...exact.flags, 'float64 fallback'] };
}

export function assertPrecision(op: string, precision: Precision | 'auto'): void {
  if (!['auto', 'float32', 'float64'].includes(precision))
    throw new ArgumentError(op, "precision 'auto', 'float32' or 'float64'", String(precision));
}

/** The device of the tensors among the activations, or the one given. */
export function deviceOf(op: string, sides: readonly Activations[], given?: Device): Device | undefined {
  const tensors = sides.filter((a): a is Tensor => a instanceof Tensor);
  if (tensors.length === 0) return given;
  return commonDevice(op, tensors);
}
