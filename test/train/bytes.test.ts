import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/train/crc32c.js';
import { encodeScalarEvent, encodeVersionEvent } from '../../src/train/index.js';
import { decodeEvents } from './events.js';

describe('crc32c', () => {
  // RFC 3720, B.4, and the usual check value.
  it.each([
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(255), 0x62a8ab43],
    ['ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['descending', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['nothing', new Uint8Array(0), 0],
  ])('of %s is as published', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
    expect(crc32c(bytes.subarray(5), crc32c(bytes.subarray(0, 5)))).toBe(expected);
  });
});

describe('TensorBoard events', () => {
  it('are read back by a decoder of the format', () => {
    const scalars = { 'train/loss': 0.5, 'test/ü': -1e10, nan: Number.NaN };
    const file = Buffer.concat([
      encodeVersionEvent(12.5),
      encodeScalarEvent({ wallTime: 1.7e9 + 0.25, step: 0, scalars }),
      encodeScalarEvent({ wallTime: 2, step: 2 ** 40 + 3, scalars: {} }),
    ]);
    expect(decodeEvents(file)).toEqual([
      { wallTime: 12.5, step: 0, fileVersion: 'brain.Event:2', scalars: {} },
      { wallTime: 1.7e9 + 0.25, step: 0, scalars: { 'train/loss': 0.5, 'test/ü': -1e10, nan: Number.NaN } },
      { wallTime: 2, step: 2 ** 40 + 3, scalars: {} },
    ]);
  });

  it('are these bytes', () => {
    // wall_time 1.0, step 3, one value 'a' = 1.0, put together by hand from event.proto and summary.proto.
    const data = '09000000000000f03f' + '1003' + '2a0a' + '0a08' + '0a0161' + '150000803f';
    const record = Buffer.from(encodeScalarEvent({ wallTime: 1, step: 3, scalars: { a: 1 } })).toString('hex');
    expect(record.slice(0, 16)).toBe('1700000000000000');
    expect(record.slice(24, 24 + data.length)).toBe(data);
    expect(record.length).toBe(2 * (8 + 4 + 23 + 4));
  });

  it('refuse a step that is none', () => {
    expect(() => encodeScalarEvent({ wallTime: 0, step: -1, scalars: {} })).toThrow('a step >= 0');
  });
});
