import { ArgumentError } from '../gpu/errors.js';
import { concatBytes } from '../sparse/files/bytes.js';
import { crc32c } from './crc32c.js';

/** Scalars of one step, by tag (`train/loss`). */
export interface ScalarEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step: number;
  scalars: Readonly<Record<string, number>>;
}

/** The record that a TensorBoard event file begins with. */
export const encodeVersionEvent = (wallTime: number): Uint8Array =>
  record(message(double(1, wallTime), bytes(3, text('brain.Event:2'))));

/**
 * A record of a TensorBoard event file: a protobuf `Event` (event.proto) with a `Summary` of simple values.
 *
 * @throws ArgumentError for a step that is not whole and >= 0
 */
export function encodeScalarEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  if (!Number.isSafeInteger(step) || step < 0)
    throw new ArgumentError('encodeScalarEvent', 'a step >= 0', String(step));
  const values = Object.entries(scalars).map(([tag, value]) => bytes(1, message(bytes(1, text(tag)), float(2, value))));
  return record(
    message(double(1, wallTime), concatBytes([varint(2 << 3), varint(step)]), bytes(5, message(...values))),
  );
}

/** TFRecord framing: length, its masked checksum, data, its masked checksum. */
function record(data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return concatBytes([length, maskedChecksum(length), data, maskedChecksum(data)]);
}

/** Turned and shifted, so that the checksum of data that holds checksums is still good. */
function maskedChecksum(data: Uint8Array): Uint8Array {
  const c = crc32c(data);
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, ((c >>> 15) | (c << 17)) + 0xa282ead8, true);
  return out;
}

// Protobuf fields: a varint of number and wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes), a value.
const message = (...fields: Uint8Array[]): Uint8Array => concatBytes(fields);
const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const bytes = (field: number, data: Uint8Array): Uint8Array =>
  concatBytes([varint((field << 3) | 2), varint(data.length), data]);

function varint(value: number): Uint8Array {
  const out: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) out.push((value % 128) | 128);
  return Uint8Array.from([...out, value]);
}
function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setFloat64(0, value, true);
  return concatBytes([varint((field << 3) | 1), out]);
}
function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setFloat32(0, value, true);
  return concatBytes([varint((field << 3) | 5), out]);
}
