import { describe, expect, it } from 'vitest';
import {
  HostRandom,
  philox4x32,
  philoxBernoulli,
  philoxBits,
  philoxFill,
  philoxNormal,
  philoxPermutation,
  philoxPositiveUniform,
  philoxUniform,
  splitSeed,
} from '../../src/tensor/philox.js';

type Words = readonly [number, number, number, number];

/** The same function in arbitrary precision, to check the 32-bit arithmetic on more than three vectors. */
function reference(counter: Words, key: readonly [number, number]): number[] {
  const word = (x: bigint) => x & 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt);
  let [k0, k1] = key.map(BigInt);
  for (let round = 0; round < 10; round++) {
    const p0 = c0 * 0xd2511f53n;
    const p1 = c2 * 0xcd9e8d57n;
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, word(p1), (p0 >> 32n) ^ c3 ^ k1, word(p0)];
    k0 = word(k0 + 0x9e3779b9n);
    k1 = word(k1 + 0xbb67ae85n);
  }
  return [c0, c1, c2, c3].map(Number);
}

const mean = (xs: ArrayLike<number>) => Array.from(xs).reduce((sum, x) => sum + x, 0) / xs.length;

describe('philox4x32', () => {
  it.each<[string, Words, readonly [number, number], number[]]>([
    ['zeros', [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      'ones',
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      'digits of pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the known answer of Random123 for %s', (_, counter, key, expected) => {
    expect(Array.from(philox4x32(counter, key, new Uint32Array(4)))).toEqual(expected);
    expect(reference(counter, key)).toEqual(expected);
  });

  it('agrees with arbitrary precision on 500 other blocks', () => {
    const words = philoxBits(20250101, 0, 0, 3000);
    for (let i = 0; i < 3000; i += 6) {
      const counter: Words = [words[i], words[i + 1], words[i + 2], words[i + 3]];
      const key = [words[i + 4], words[i + 5]] as const;
      expect(Array.from(philox4x32(counter, key, new Uint32Array(4)))).toEqual(reference(counter, key));
    }
  });

  it('writes at an offset and refuses an array without room', () => {
    const out = philox4x32([0, 0, 0, 0], [0, 0], new Uint32Array(6), 1);
    expect(Array.from(out)).toEqual([0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 0]);
    expect(() => philox4x32([0, 0, 0, 0], [0, 0], new Uint32Array(6), 3)).toThrow(
      new RangeError('philox4x32: needs 4 words of room at offset 3, got an array of 6'),
    );
  });
});

describe('draws', () => {
  it('take element i from block floor(i / 4), lane i mod 4, keyed by the whole seed', () => {
    const seed = 0x0123456789abcdefn;
    const bits = philoxBits(seed, 7, 9, 11);
    for (let i = 0; i < bits.length; i++) {
      expect(bits[i]).toBe(reference([i >>> 2, 0, 9, 7], [0x89abcdef, 0x01234567])[i & 3]);
    }
  });

  it('continue in pieces, beyond 2^32 blocks too', () => {
    const whole = philoxBits(5, 1, 2, 24);
    expect(philoxFill(new Uint32Array(16), 5, 1, 2, 8)).toEqual(whole.slice(8));
    const far = philoxFill(new Uint32Array(8), 5, 1, 2, 4 * (2 ** 32 - 1));
    expect(Array.from(far)).toEqual([...reference([0xffffffff, 0, 2, 1], [5, 0]), ...reference([0, 1, 2, 1], [5, 0])]);
  });

  it('differ by seed, stream and offset, and give prefixes of one another', () => {
    const draws = [philoxBits(1, 0, 0, 8), philoxBits(0, 1, 0, 8), philoxBits(0, 0, 1, 8), philoxBits(0, 0, 0, 8)];
    expect(new Set(draws.map(String)).size).toBe(4);
    expect(philoxBits(0, 0, 0, 5)).toEqual(draws[3].slice(0, 5));
    expect(philoxBits(0, 0, 0, 0).length).toBe(0);
  });

  it('take numbers and bigints as seeds', () => {
    expect(splitSeed(Number.MAX_SAFE_INTEGER)).toEqual([0xffffffff, 0x1fffff]);
    expect(splitSeed(2n ** 64n - 1n)).toEqual([0xffffffff, 0xffffffff]);
    expect(philoxBits(2 ** 40 + 3, 0, 0, 4)).toEqual(philoxBits(2n ** 40n + 3n, 0, 0, 4));
  });

  it.each([
    [-1, '-1'],
    [1.5, '1.5'],
    [2 ** 53, '9007199254740992'],
    [Number.NaN, 'NaN'],
    [-1n, '-1n'],
    [2n ** 64n, '18446744073709551616n'],
    ['7' as unknown as number, '"7" (string)'],
    [undefined as unknown as number, 'undefined (undefined)'],
  ])('refuse the seed %s', (seed, shown) => {
    const error = new RangeError(`seed must be a safe integer >= 0 or a bigint from 0 to 2^64 - 1, got ${shown}`);
    expect(() => philoxBits(seed, 0, 0, 1)).toThrow(error);
    expect(() => new HostRandom(seed)).toThrow(error);
  });

  it('refuse bad streams, offsets, counts, starts and probabilities', () => {
    expect(() => philoxBits(0, -1, 0, 1)).toThrow(/stream must be an integer from 0 to 4294967295, got -1/);
    expect(() => philoxBits(0, 0, 2 ** 32, 1)).toThrow(/offset must be .* got 4294967296/);
    expect(() => philoxBits(0, 0, 0, -3)).toThrow(/n must be .* got -3/);
    expect(() => philoxNormal(0, 0, 0, 0.5)).toThrow(/n must be .* got 0.5/);
    expect(() => philoxFill(new Uint32Array(4), 0, 0, 0, 2)).toThrow(/first must be a multiple of 4, got 2/);
    for (const p of [-0.1, 1.1, Number.NaN]) {
      expect(() => philoxBernoulli(0, 0, 0, 1, p)).toThrow(
        new RangeError(`philoxBernoulli: p must be from 0 to 1, got ${p}`),
      );
    }
  });
});

describe('distributions', () => {
  const n = 40_001; // odd: the last Box-Muller pair is cut in half
  const bits = philoxBits(11, 3, 4, n + 1);

  it('uniform and positive uniform are the upper 24 bits', () => {
    const uniform = philoxUniform(11, 3, 4, n);
    const positive = philoxPositiveUniform(11, 3, 4, n);
    for (let i = 0; i < n; i += 97) {
      expect(uniform[i]).toBe(Math.floor(bits[i] / 256) / 2 ** 24);
      expect(positive[i]).toBe(uniform[i] + 2 ** -24);
    }
    expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
  });

  it('normal is Box-Muller over lane pairs, with the moments of a normal', () => {
    const normal = philoxNormal(11, 3, 4, n);
    expect(normal.length).toBe(n);
    for (const i of [0, 2, 98, n - 1]) {
      const r = Math.sqrt(-2 * Math.log(((bits[i] >>> 8) + 1) / 2 ** 24));
      const theta = (2 * Math.PI * (bits[i + 1] >>> 8)) / 2 ** 24;
      expect(normal[i]).toBe(Math.fround(r * Math.cos(theta)));
      if (i + 1 < n) expect(normal[i + 1]).toBe(Math.fround(r * Math.sin(theta)));
    }
    // Standard errors of the first four moments of n normals: sqrt(1, 2, 15, 96) / sqrt(n).
    for (const [power, moment, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
    ]) {
      expect(Math.abs(mean(normal.map((x) => x ** power)) - moment)).toBeLessThan(4 * Math.sqrt(variance / n));
    }
  });

  it('bernoulli is uniform < p in f32', () => {
    const uniform = philoxUniform(11, 3, 4, n);
    for (const p of [0, 0.1, 0.5, uniform[17], 1]) {
      const expected = Array.from(uniform, (u) => (u < Math.fround(p) ? 1 : 0));
      expect(Array.from(philoxBernoulli(11, 3, 4, n, p))).toEqual(expected);
    }
    expect(mean(philoxBernoulli(11, 3, 4, n, 0))).toBe(0);
    expect(mean(philoxBernoulli(11, 3, 4, n, 1))).toBe(1);
  });

  it.each([0, 1, 2, 7, 5000])('permutation of %i is the stable argsort of the bits', (size) => {
    const keys = philoxBits(2, 0, 6, size);
    const expected = Array.from(keys, (_, i) => i).sort((a, b) => keys[a] - keys[b] || a - b);
    expect(Array.from(philoxPermutation(2, 0, 6, size))).toEqual(expected);
  });

  it('permutation keeps the order of equal words', () => {
    // Among 200,000 words of 32 bits some coincide (about 4.7 pairs are expected).
    const size = 200_000;
    const keys = philoxBits(4, 0, 0, size);
    const order = philoxPermutation(4, 0, 0, size);
    let ties = 0;
    for (let i = 1; i < size; i++) {
      if (keys[order[i]] !== keys[order[i - 1]]) continue;
      ties++;
      expect(order[i]).toBeGreaterThan(order[i - 1]);
    }
    expect(ties).toBeGreaterThan(0);
    expect(new Set(order).size).toBe(size);
  });
});

describe('HostRandom', () => {
  it('walks the draw (seed, stream, offset) in order', () => {
    const bits = new HostRandom(8, 2, 1);
    expect(Array.from({ length: 9 }, () => bits.bits())).toEqual(Array.from(philoxBits(8, 2, 1, 9)));
    const uniform = new HostRandom(8, 2, 1);
    expect(Float32Array.from({ length: 9 }, () => uniform.uniform())).toEqual(philoxUniform(8, 2, 1, 9));
    const normal = new HostRandom(8, 2, 1);
    expect(Float32Array.from({ length: 9 }, () => normal.normal())).toEqual(philoxNormal(8, 2, 1, 9));
  });

  it('gives unbiased integers', () => {
    const random = new HostRandom(3);
    const counts = new Array(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[random.integer(6)]++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    expect(chiSquare).toBeLessThan(20.5); // 0.1 % point of 5 degrees of freedom

    // For n = 3 * 2^30 a plain remainder would put half of all numbers below 2^30; a fair share is one third.
    let low = 0;
    for (let i = 0; i < 9000; i++) if (random.integer(3 * 2 ** 30) < 2 ** 30) low++;
    expect(Math.abs(low / 9000 - 1 / 3)).toBeLessThan(4 * Math.sqrt(2 / 9 / 9000));

    expect(random.integer(1)).toBe(0);
    expect(random.integer(2 ** 32)).toBeLessThan(2 ** 32);
    for (const n of [0, -1, 2.5, 2 ** 32 + 1]) expect(() => random.integer(n)).toThrow(RangeError);
  });

  it('shuffles in place, every order equally often', () => {
    const random = new HostRandom(6);
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.shuffle([0, 1, 2, 3]).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(49.7); // 0.1 % point of 23 degrees of freedom

    const typed = new Float32Array([1, 2, 3]);
    expect(random.shuffle(typed)).toBe(typed);
    expect(Array.from(typed).sort()).toEqual([1, 2, 3]);
    expect(random.shuffle([])).toEqual([]);
  });
});
