import type { Device } from '../../../src/index.js';
import { LINES, type MethodRunConfig } from '../../../src/studies/cubist-spiral/types.js';
import type { RunContext } from '../../../src/studies/study.js';

/** A run's surroundings in memory: what it wrote, how far it said that it was, and what it shares on a device. */
export class MemoryContext {
  readonly written = new Map<string, Uint8Array>();
  readonly shares: number[] = [];
  readonly controller = new AbortController();
  private readonly shared = new Map<string, Promise<{ dispose(): void }>>();

  constructor(private readonly device: Device) {}

  /** @param given what is to be other than in memory */
  context(given: Partial<RunContext> = {}): RunContext {
    return {
      device: this.device,
      dataRoot: null,
      need: () => {
        throw new Error('needs nothing');
      },
      files: () => ({
        read: async (name) => this.written.get(name)!,
        write: async (name, bytes) => void this.written.set(name, bytes),
        has: async (name) => this.written.has(name),
      }),
      checkpoint: { load: async () => undefined, save: async () => {} },
      signal: this.controller.signal,
      progress: (share) => void this.shares.push(share),
      shared: <T extends { dispose(): void }>(key: string, make: () => Promise<T>) => {
        if (!this.shared.has(key)) this.shared.set(key, make());
        return this.shared.get(key) as Promise<T>;
      },
      ...given,
    };
  }

  /** The lines that a method left. */
  get lines(): Record<string, number & string & number[]>[] {
    const text = new TextDecoder().decode(this.written.get(LINES));
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  async dispose(): Promise<void> {
    for (const made of this.shared.values()) (await made).dispose();
  }
}

/** A tiny block of a method: width 4 has 44 weights. */
export const methodConfig = (given: Partial<MethodRunConfig>): MethodRunConfig =>
  ({
    ...{ study: 'cubist-spiral', kind: 'method', revision: 1, epochs: 1, seed: 3, repeats: 1 },
    ...{ method: 'snip', width: 4, initialisation: 'random', fixedSeed: null, target: null },
    ...{ budgets: [15, 30], rates: [0.1, 0.2], schedules: ['cosine'] },
    ...given,
  }) as MethodRunConfig;
