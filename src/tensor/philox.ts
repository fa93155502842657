/**
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) on the host, bit for bit as Random123.
 *
 * A draw is named by (seed, stream, offset) and its elements by their index, so any element can be computed alone, by any
 * thread, in any order. Element i comes from block b = floor(i / 4), lane i mod 4, where the block is
 * philox(counter = [b low, b high, offset, stream], key = [seed low, seed high]), each a 32-bit word.
 * Device kernels use the same scheme. Bits, uniforms, Bernoulli draws and permutations agree with the device exactly;
 * normals agree to float tolerance, since log, sin and cos differ in their last bits.
 */

const M0 = 0xd2511f53 | 0;
const M1 = 0xcd9e8d57 | 0;
const WEYL0 = 0x9e3779b9 | 0;
const WEYL1 = 0xbb67ae85 | 0;
const ROUNDS = 10;
const TWO_32 = 2 ** 32;

/** A non-negative safe integer, or a bigint below 2^64. */
export type Seed = number | bigint;

/** Upper 32 bits of the unsigned product a b, from 16-bit partial products, none of whose sums overflows 32 bits. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** One block, arguments as 32-bit words of either sign. Words beyond the end of `out` are dropped by the typed array. */
function block(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
  at: number,
): void {
  // Signed words all through: a mix of signed and unsigned would make the engine keep them as doubles.
  c0 |= 0;
  c1 |= 0;
  c2 |= 0;
  c3 |= 0;
  k0 |= 0;
  k1 |= 0;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = mulHigh(c0, M0);
    const high1 = mulHigh(c2, M1);
    const low0 = Math.imul(c0, M0);
    const low1 = Math.imul(c2, M1);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL0) | 0;
    k1 = (k1 + WEYL1) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'number' ? String(value) : `${JSON.stringify(value)} (${typeof value})`;
}

function requireInteger(op: string, name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${op}: ${name} must be an integer from 0 to ${max}, got ${show(value)}`);
  }
}

/**
 * The key of a seed: its low and its high 32 bits.
 * @throws RangeError unless the seed is a safe integer >= 0 or a bigint in [0, 2^64)
 */
export function splitSeed(seed: Seed): [low: number, high: number] {
  if (typeof seed === 'bigint' && seed >= 0n && seed < 1n << 64n) {
    return [Number(seed & 0xffffffffn), Number(seed >> 32n)];
  }
  if (typeof seed === 'number' && Number.isSafeInteger(seed) && seed >= 0) {
    return [seed >>> 0, Math.floor(seed / TWO_32)];
  }
  throw new RangeError(`seed must be a safe integer >= 0 or a bigint from 0 to 2^64 - 1, got ${show(seed)}`);
}

/**
 * One raw block: four 32-bit words written to `out[offset .. offset + 3]`. Counter and key words are taken modulo 2^32.
 * @throws RangeError if `out` has no room for four words at `offset`
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
  offset = 0,
): Uint32Array {
  if (!Number.isInteger(offset) || offset < 0 || offset + 4 > out.length) {
    throw new RangeError(`philox4x32: needs 4 words of room at offset ${offset}, got an array of ${out.length}`);
  }
  block(counter[0], counter[1], counter[2], counter[3], key[0], key[1], out, offset);
  return out;
}

/**
 * Fills `out` with the bits of elements `first`, `first + 1`, … of a draw. `first` must be a multiple of 4, so that a long draw
 * can be made in pieces.
 * @throws RangeError for a bad seed, a stream or offset that is no 32-bit unsigned integer, or a bad `first`
 */
export function philoxFill(out: Uint32Array, seed: Seed, stream: number, offset: number, first = 0): Uint32Array {
  const [k0, k1] = splitSeed(seed);
  requireInteger('philox', 'stream', stream, TWO_32 - 1);
  requireInteger('philox', 'offset', offset, TWO_32 - 1);
  requireInteger('philox', 'first', first, Number.MAX_SAFE_INTEGER - out.length);
  if (first % 4 !== 0) throw new RangeError(`philox: first must be a multiple of 4, got ${first}`);
  const firstBlock = first / 4;
  for (let at = 0, b = firstBlock; at < out.length; at += 4, b++) {
    block(b >>> 0, Math.floor(b / TWO_32), offset, stream, k0, k1, out, at);
  }
  return out;
}

/** A 32-bit word as a uniform multiple of 2^-24 in [0, 1); exact in f32. */
export function unitFromBits(bits: number): number {
  return (bits >>> 8) * 2 ** -24;
}

/** A 32-bit word as a uniform multiple of 2^-24 in (0, 1], safe to take the logarithm of; exact in f32. */
export function positiveUnitFromBits(bits: number): number {
  return ((bits >>> 8) + 1) * 2 ** -24;
}

/** Box-Muller radius of an even lane's word. */
function radius(bits: number): number {
  return Math.sqrt(-2 * Math.log(positiveUnitFromBits(bits)));
}

/** Box-Muller angle of an odd lane's word, in radians. */
function angle(bits: number): number {
  return 2 * Math.PI * unitFromBits(bits);
}

/**
 * `n` random 32-bit words.
 * @throws RangeError for a bad seed, stream, offset or `n`
 */
export function philoxBits(seed: Seed, stream: number, offset: number, n: number): Uint32Array {
  requireInteger('philox', 'n', n, TWO_32 - 1);
  return philoxFill(new Uint32Array(n), seed, stream, offset);
}

/** `n` f32 numbers uniform in [0, 1): (bits >>> 8) * 2^-24. Errors as {@link philoxBits}. */
export function philoxUniform(seed: Seed, stream: number, offset: number, n: number): Float32Array {
  const bits = philoxBits(seed, stream, offset, n);
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) out[i] = unitFromBits(bits[i]);
  return out;
}

/** `n` f32 numbers uniform in (0, 1]: ((bits >>> 8) + 1) * 2^-24. Errors as {@link philoxBits}. */
export function philoxPositiveUniform(seed: Seed, stream: number, offset: number, n: number): Float32Array {
  const bits = philoxBits(seed, stream, offset, n);
  const out = new Float32Array(n);
  for (let i = 0; i < n; i++) out[i] = positiveUnitFromBits(bits[i]);
  return out;
}

/**
 * `n` standard normal f32 numbers by Box-Muller over the lane pairs (0, 1) and (2, 3): the even lane gives
 * r = sqrt(-2 ln u), u in (0, 1], the odd lane theta = 2 pi v, v in [0, 1); the even element is r cos(theta), the odd one
 * r sin(theta). Computed in f64 and rounded, |x| <= sqrt(48 ln 2) = 5.77. Errors as {@link philoxBits}.
 */
export function philoxNormal(seed: Seed, stream: number, offset: number, n: number): Float32Array {
  requireInteger('philox', 'n', n, TWO_32 - 2);
  const bits = philoxBits(seed, stream, offset, n + (n % 2));
  const out = new Float32Array(n);
  for (let i = 0; i < n; i += 2) {
    const r = radius(bits[i]);
    const theta = angle(bits[i + 1]);
    out[i] = r * Math.cos(theta);
    if (i + 1 < n) out[i + 1] = r * Math.sin(theta);
  }
  return out;
}

/**
 * `n` draws that are 1 with probability `p` and 0 otherwise: uniform in [0, 1) < p, with `p` rounded to f32 as on the device.
 * @throws RangeError unless 0 <= p <= 1; otherwise as {@link philoxBits}
 */
export function philoxBernoulli(seed: Seed, stream: number, offset: number, n: number, p: number): Uint8Array {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`philoxBernoulli: p must be from 0 to 1, got ${show(p)}`);
  const threshold = Math.fround(p);
  const bits = philoxBits(seed, stream, offset, n);
  const out = new Uint8Array(n);
  for (let i = 0; i < n; i++) out[i] = unitFromBits(bits[i]) < threshold ? 1 : 0;
  return out;
}

/**
 * A random permutation of 0 … n - 1: the stable argsort of the draw's `n` words, ties in order of index.
 * Errors as {@link philoxBits}.
 */
export function philoxPermutation(seed: Seed, stream: number, offset: number, n: number): Uint32Array {
  const keys = philoxBits(seed, stream, offset, n);
  let order = new Uint32Array(n);
  let sorted = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  // Least significant digit first: every pass is stable, so the whole is.
  for (let shift = 0; shift < 32; shift += 8) {
    const starts = new Uint32Array(257);
    for (const key of keys) starts[((key >>> shift) & 255) + 1]++;
    for (let digit = 0; digit < 255; digit++) starts[digit + 1] += starts[digit];
    for (const i of order) sorted[starts[(keys[i] >>> shift) & 255]++] = i;
    [order, sorted] = [sorted, order];
  }
  return order;
}

/**
 * A sequence of random numbers for host-side code. Its words are the elements of the draw (seed, stream, offset) in order, so
 * that the first n uniforms, or normals before rounding, equal {@link philoxUniform} or {@link philoxNormal}.
 */
export class HostRandom {
  readonly #seed: [number, number];
  readonly #stream: number;
  readonly #offset: number;
  readonly #words = new Uint32Array(4);
  #next = 0;
  #spare: number | undefined;

  /** @throws RangeError for a bad seed, or a stream or offset that is no 32-bit unsigned integer */
  constructor(seed: Seed, stream = 0, offset = 0) {
    this.#seed = splitSeed(seed);
    requireInteger('HostRandom', 'stream', stream, TWO_32 - 1);
    requireInteger('HostRandom', 'offset', offset, TWO_32 - 1);
    this.#stream = stream;
    this.#offset = offset;
  }

  /** The next 32-bit word. */
  bits(): number {
    const lane = this.#next % 4;
    if (lane === 0) {
      const b = this.#next / 4;
      const [k0, k1] = this.#seed;
      block(b >>> 0, Math.floor(b / TWO_32), this.#offset, this.#stream, k0, k1, this.#words, 0);
    }
    this.#next++;
    return this.#words[lane];
  }

  /** Uniform in [0, 1), a multiple of 2^-24. */
  uniform(): number {
    return unitFromBits(this.bits());
  }

  /** Standard normal in f64. Every other call takes two words; the second number of the pair waits for the next call. */
  normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const r = radius(this.bits());
    const theta = angle(this.bits());
    this.#spare = r * Math.sin(theta);
    return r * Math.cos(theta);
  }

  /**
   * Uniform integer in [0, n): words that would favour small remainders are rejected.
   * @throws RangeError unless n is an integer from 1 to 2^32
   */
  integer(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > TWO_32) {
      throw new RangeError(`HostRandom.integer: n must be an integer from 1 to ${TWO_32}, got ${show(n)}`);
    }
    const fair = TWO_32 - (TWO_32 % n);
    let word = this.bits();
    while (word >= fair) word = this.bits();
    return word % n;
  }

  /** Shuffles an array or typed array in place (Fisher-Yates) and returns it. */
  shuffle<T extends unknown[] | Uint8Array | Uint32Array | Int32Array | Float32Array>(items: T): T {
    const array: { [index: number]: unknown } = items;
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const held = array[i];
      array[i] = array[j];
      array[j] = held;
    }
    return items;
  }
}
