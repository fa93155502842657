import type { Device } from '../gpu/device.js';
import { ArgumentError, DisposedError } from '../gpu/errors.js';
import { type Seed, splitSeed } from '../tensor/philox.js';
import { keep } from '../tensor/scope.js';
import { Tensor } from '../tensor/tensor.js';

/** A generator's state on the host, one entry a model. */
export interface GeneratorState {
  seeds: bigint[];
  streams: number[];
  /** Number of draws made. */
  offsets: number[];
}

/** Words of a model's state: seed low, seed high, stream, offset. */
const WORDS = 4;

/**
 * A source of random numbers on a device: Philox4x32-10 keyed by a seed, with a stream number and a count of draws
 * (which wraps at 2^32). The state lives on the device and every draw advances it there, so that a replayed step draws
 * afresh. With a list of P seeds it serves a population: shapes begin with P, and every model draws exactly what a
 * generator of its own seed would.
 *
 * It outlives scopes, as parameters do: `dispose` it when done.
 */
export class Generator {
  readonly device: Device;
  /** Number of models, or null for a plain generator. */
  readonly models: number | null;
  private readonly words: Tensor;

  /**
   * @param seed a whole number >= 0 (a safe integer, or a bigint below 2^64), or one for each model
   * @param options.stream a whole number below 2^32: generators of one seed and different streams are independent
   * @throws ArgumentError for other seeds or streams
   */
  constructor(device: Device, seed: Seed | readonly Seed[], { stream = 0 }: { stream?: number } = {}) {
    const many = Array.isArray(seed);
    const seeds = (many ? seed : [seed]) as readonly Seed[];
    if (seeds.length === 0) throw new ArgumentError('Generator', 'at least one seed', 'none');
    const state = pack(
      'Generator',
      seeds,
      seeds.map(() => stream),
      seeds.map(() => 0),
    );
    this.device = device;
    this.models = many ? seeds.length : null;
    this.words = keep(Tensor.empty('Generator', device, 'u32', [seeds.length, WORDS]));
    this.words.write(state);
  }

  /** The state on the device, u32 [models, 4]: seed low, seed high, stream, offset. For kernels. */
  stateTensor(op: string): Tensor {
    if (this.words.isDisposed) throw new DisposedError(op, 'its generator');
    return this.words;
  }

  /** Begins anew from other seeds (as many as before), with no draws made. */
  seed(seed: Seed | readonly Seed[], { stream = 0 }: { stream?: number } = {}): void {
    const seeds = (Array.isArray(seed) ? seed : [seed]) as readonly Seed[];
    this.load(
      pack(
        'Generator.seed',
        seeds,
        seeds.map(() => stream),
        seeds.map(() => 0),
      ),
      'Generator.seed',
    );
  }

  /** Reads the state back: for checkpoints, and for making the same numbers on the host. */
  async state(): Promise<GeneratorState> {
    const words = await this.stateTensor('Generator.state').data();
    const column = (k: number) => Array.from({ length: words.length / WORDS }, (_, m) => words[m * WORDS + k]);
    const high = column(1);
    return {
      seeds: column(0).map((low, m) => (BigInt(high[m]) << 32n) | BigInt(low)),
      streams: column(2),
      offsets: column(3),
    };
  }

  /** Goes back to a state read earlier. */
  restore({ seeds, streams, offsets }: GeneratorState): void {
    if (streams.length !== seeds.length || offsets.length !== seeds.length) {
      throw new ArgumentError(
        'Generator.restore',
        `${seeds.length} streams and offsets`,
        `${streams.length} and ${offsets.length}`,
      );
    }
    this.load(pack('Generator.restore', seeds, streams, offsets), 'Generator.restore');
  }

  private load(words: Uint32Array, op: string): void {
    const state = this.stateTensor(op);
    if (words.length !== state.size)
      throw new ArgumentError(op, `${state.size / WORDS} seeds`, `${words.length / WORDS}`);
    state.write(words);
  }

  get isDisposed(): boolean {
    return this.words.isDisposed;
  }
  dispose(): void {
    this.words.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

function pack(op: string, seeds: readonly Seed[], streams: readonly number[], offsets: readonly number[]): Uint32Array {
  const words = new Uint32Array(seeds.length * WORDS);
  seeds.forEach((seed, m) => {
    let key: readonly [number, number];
    try {
      key = splitSeed(seed);
    } catch {
      throw new ArgumentError(op, 'a seed from 0 to 2^53 - 1, or a bigint below 2^64', String(seed));
    }
    for (const [name, value] of [
      ['stream', streams[m]],
      ['offset', offsets[m]],
    ] as const) {
      if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32)
        throw new ArgumentError(op, `a ${name} from 0 to 2^32 - 1`, String(value));
    }
    words.set([key[0], key[1], streams[m], offsets[m]], m * WORDS);
  });
  return words;
}
