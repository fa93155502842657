import { expect } from 'vitest';
import { crc32c } from '../../src/train/crc32c.js';

export interface DecodedEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  scalars: Record<string, number>;
}

/** Reads a TensorBoard event file by its format's text: TFRecords of protobuf events, checksums checked. */
export function decodeEvents(file: Buffer): DecodedEvent[] {
  const events: DecodedEvent[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(unmask(file.readUInt32LE(at + 8))).toBe(crc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(data.length).toBe(length);
    expect(unmask(file.readUInt32LE(at + 12 + length))).toBe(crc32c(data));
    events.push(event(data));
    at += 16 + length;
  }
  return events;
}

/** As TensorFlow's `Unmask`: the constant off, and turned back. */
function unmask(masked: number): number {
  const turned = (masked - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
}

function event(data: Buffer): DecodedEvent {
  const out: DecodedEvent = { wallTime: Number.NaN, step: 0, scalars: {} };
  for (const [field, value] of fields(data)) {
    if (field === 1) out.wallTime = (value as Buffer).readDoubleLE();
    else if (field === 2) out.step = value as number;
    else if (field === 3) out.fileVersion = String(value);
    else if (field === 5) for (const [, v] of fields(value as Buffer)) Object.assign(out.scalars, scalar(v as Buffer));
  }
  return out;
}

function scalar(data: Buffer): Record<string, number> {
  const parts = new Map(fields(data));
  return { [String(parts.get(1))]: (parts.get(2) as Buffer).readFloatLE() };
}

function fields(data: Buffer): [number, number | Buffer][] {
  const out: [number, number | Buffer][] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const key = varint();
    const size = { 0: 0, 1: 8, 2: -1, 5: 4 }[key & 7];
    if (size === undefined) throw new Error(`wire type ${key & 7}`);
    if (size === 0) out.push([key >> 3, varint()]);
    else {
      const length = size < 0 ? varint() : size;
      out.push([key >> 3, data.subarray(at, at + length)]);
      at += length;
    }
  }
  return out;
}
