import type { DeviceClass } from './adapter.js';
import { ArgumentError } from './errors.js';
import type { TunedTable } from './tuned-table.js';

export interface OpenDeviceOptions {
  /** `gpu`: only real hardware; `software`: only a software driver; `any` (default): what the machine has. */
  prefer?: 'any' | 'gpu' | 'software';
  /** Only an adapter whose name, vendor or description contains this text (case-insensitive). */
  adapter?: string;
  /** Threads of the software driver: 0 makes small dispatches 10x cheaper, the number of cores suits one big job. */
  threads?: number;
  /**
   * Dawn toggles to switch on and off, for example `{ disable: ['timestamp_quantization'] }`. On Mesa's software driver,
   * which checks the bounds of buffers itself, Dawn's own checks are off; `{ disable: ['disable_robustness'] }` keeps them.
   */
  toggles?: { enable?: string[]; disable?: string[] };
  /** Choose kernels as for this class of device instead of the adapter's own. */
  deviceClass?: DeviceClass;
  /** Most bytes that tensors may hold; the default is 80 % of the host's memory on software devices, else none. */
  memoryBudget?: number;
  /** Most bytes of freed buffers kept for re-use; default 1 GiB. */
  poolCap?: number;
  /** Fill every fresh buffer with NaN, so that a kernel which leaves elements unwritten shows. Slow; for tests. */
  poison?: boolean;
  /** Measured choices of kernels for this adapter, as `secateur tune` writes them. */
  tuned?: TunedTable;
  /** A WebGPU implementation to use instead of the browser's or Dawn. */
  gpu?: GPU;
}

/** @throws ArgumentError for an option that is unknown or out of its range */
export function checkOptions(o: OpenDeviceOptions): void {
  const known = [
    'prefer',
    'adapter',
    'threads',
    'toggles',
    'deviceClass',
    'memoryBudget',
    'poolCap',
    'poison',
    'tuned',
    'gpu',
  ];
  for (const key of Object.keys(o)) {
    if (!known.includes(key)) throw new ArgumentError('openDevice', `options among ${known.join(', ')}`, `'${key}'`);
  }
  const oneOf = (name: string, value: string | undefined, values: string[]) => {
    if (value !== undefined && !values.includes(value))
      throw new ArgumentError('openDevice', `${name} among ${values.join(', ')}`, `'${value}'`);
  };
  oneOf('prefer', o.prefer, ['any', 'gpu', 'software']);
  oneOf('deviceClass', o.deviceClass, ['software', 'integrated', 'discrete']);
  for (const name of ['threads', 'memoryBudget', 'poolCap'] as const) {
    const value = o[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 0)) {
      throw new ArgumentError('openDevice', `${name} as a whole number >= 0`, String(value));
    }
  }
}
