import { HostRandom } from '../../src/tensor/philox.js';

/**
 * Seed of this run's random inputs: fresh every time, printed with failures, fixed by SECATEUR_TEST_SEED.
 */
export const SEED = process.env.SECATEUR_TEST_SEED
  ? Number(process.env.SECATEUR_TEST_SEED)
  : Math.floor(Math.random() * 2 ** 31);

/** Seeded inputs for one test; `name` keeps streams apart. */
export class Inputs {
  private readonly random: HostRandom;
  constructor(name: string) {
    let h = 0;
    for (const c of name) h = (Math.imul(h, 31) + c.charCodeAt(0)) >>> 0;
    this.random = new HostRandom(SEED, h);
  }
  /** Values exactly representable in float32, uniform in [low, high). */
  uniform(n: number, low = -1, high = 1): Float32Array {
    return Float32Array.from({ length: n }, () => low + (high - low) * this.random.uniform());
  }
  normal(n: number): Float32Array {
    return Float32Array.from({ length: n }, () => this.random.normal());
  }
  integers(n: number, below: number): Int32Array {
    return Int32Array.from({ length: n }, () => this.random.integer(below));
  }
  integer(below: number): number {
    return this.random.integer(below);
  }
}
