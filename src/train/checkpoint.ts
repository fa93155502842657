import type { LoaderState } from '../data/loader.js';
import { FormatError } from '../gpu/errors.js';
import { encodeElements, type FileArray } from '../sparse/files/elements.js';
import { decodeSafetensors, encodeSafetensors } from '../sparse/files/safetensors.js';
import type { DecodeOptions } from '../sparse/files/source.js';
import { crc32c } from './crc32c.js';
import type { EpochRecord } from './progress.js';

/** What must be equal for a run to go on from a checkpoint. */
export type TrainingConfig = Readonly<Record<string, string | number | boolean | null>>;

/** Where a run stands, beside what is on the device. */
export interface TrainingState {
  /** Steps done. */
  step: number;
  /** Sum and number of the losses of the epoch that is under way. */
  lossSum: number;
  losses: number;
  history: EpochRecord[];
  /** Null before the first step. */
  loader: LoaderState | null;
}

/** A whole run at one step, on the host. */
export interface Checkpoint<S = TrainingState> {
  config: TrainingConfig;
  state: S;
  /** Parameters, statistics, generator and optimiser, by name. */
  tensors: ReadonlyMap<string, FileArray>;
}

const FORMAT = 'secateur checkpoint';
const VERSION = '1';

/** The bytes of a checkpoint: a safetensors file with a checksum over everything in it. */
export function encodeCheckpoint<S = TrainingState>({ config, state, tensors }: Checkpoint<S>): Uint8Array {
  const texts = [JSON.stringify(config), JSON.stringify(state, withoutLoss)];
  const metadata = new Map([
    ['format', FORMAT],
    ['version', VERSION],
    ['config', texts[0]],
    ['state', texts[1]],
    ['crc32c', checksum(texts, tensors)],
  ]);
  return encodeSafetensors({ metadata, tensors });
}

/**
 * Reads a checkpoint.
 *
 * @throws FormatError where the bytes are not a checkpoint of this version, end early, or were changed
 */
export function decodeCheckpoint<S = TrainingState>(bytes: Uint8Array, options: DecodeOptions = {}): Checkpoint<S> {
  const { name = 'checkpoint' } = options;
  const { metadata, tensors } = decodeSafetensors(bytes, { ...options, name });
  const expect = (key: string, value: string) => {
    const got = metadata.get(key);
    if (got !== value) throw new FormatError(name, `metadata ${key}`, value, got ?? 'none');
  };
  expect('format', FORMAT);
  expect('version', VERSION);
  const texts = ['config', 'state'].map((key) => metadata.get(key) ?? '');
  expect('crc32c', checksum(texts, tensors));
  return { config: JSON.parse(texts[0]), state: JSON.parse(texts[1], withLoss), tensors };
}

/** CRC-32C over texts, and names, dtypes, shapes and bytes of tensors in the order of their names. */
function checksum(texts: readonly string[], tensors: ReadonlyMap<string, FileArray>): string {
  const encoder = new TextEncoder();
  let crc = crc32c(encoder.encode(JSON.stringify(texts)));
  for (const name of [...tensors.keys()].sort()) {
    const array = tensors.get(name)!;
    crc = crc32c(encoder.encode(JSON.stringify([name, array.dtype, array.shape])), crc);
    crc = crc32c(encodeElements('encodeCheckpoint', array), crc);
  }
  return crc.toString(16).padStart(8, '0');
}

/** JSON has no NaN and no infinities; a measurement may be one. */
const OUTSIDE_JSON = ['NaN', 'Infinity', '-Infinity'];
const withoutLoss = (_: string, v: unknown) => (typeof v === 'number' && !Number.isFinite(v) ? String(v) : v);
const withLoss = (_: string, v: unknown) => (OUTSIDE_JSON.includes(v as string) ? Number(v) : v);
