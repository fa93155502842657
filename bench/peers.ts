import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findDriver } from '../src/gpu/dawn.js';
import type { Device } from '../src/index.js';
import { type Candidate, type Case, type Check, Skipped } from './case.js';

/** What a peer says about itself. */
export interface PeerFacts {
  name: string;
  peer: string;
  version: string;
  adapter: string;
  threads: number;
  node: string;
}

interface Answer {
  id: number;
  ok: boolean;
  error?: string;
  unsupported?: boolean;
  [field: string]: unknown;
}

const START_MS = 120_000;
/** Longest that a peer may take over one request; ResNet-20 without fast convolutions takes minutes. */
const REQUEST_MS = 900_000;
/** A case is left out where it would take longer than this a step, as a smaller one of its kind shows. */
const SLOWEST_STEP_MS = 60_000;

/** Why peers cannot be started, with what to do about it; null when they are there. */
export function peersMissing(): string | null {
  if (existsSync(new URL('peers/node_modules/@jax-js/jax/package.json', import.meta.url))) return null;
  return 'the peers are not installed: run `npm ci` in bench/peers';
}

/** The peers to compare with. In Node, WebAssembly runs on one thread unless helped (peers/README.md): both are shown. */
export function peerNames(cores = availableParallelism()): { name: string; peer: string; options: string[] }[] {
  const wasm = (peer: string) =>
    [...new Set([1, cores])].map((n) => ({
      name: `${peer} ${n} ${n === 1 ? 'thread' : 'threads'}`,
      peer,
      options: ['--threads', String(n)],
    }));
  return [
    { name: 'jax-webgpu', peer: 'jax-webgpu', options: [] },
    { name: 'tfjs-webgpu', peer: 'tfjs-webgpu', options: [] },
    ...wasm('jax-wasm'),
    ...wasm('tfjs-wasm'),
  ];
}

/** A peer's environment: the driver that this process runs, which a process without our loader finds by these names. */
export function peerEnvironment(device: Device): NodeJS.ProcessEnv {
  const found = findDriver();
  const icd = device.driver?.icd;
  if (!icd || !found?.record.driver || device.driver?.source === 'user') return process.env;
  const libraries = dirname(join(found.folder, found.record.driver.loader));
  return {
    ...process.env,
    VK_DRIVER_FILES: icd,
    VK_ICD_FILENAMES: icd,
    LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  };
}

/** A tensor library in a process of its own, spoken to as peers/README.md says. Between requests it waits on its input. */
export class Peer {
  facts: PeerFacts | null = null;
  /** Wall time in ms of one item of a batch, by case: what larger batches of it may take. */
  readonly pace = new Map<string, number>();
  private readonly waiting = new Map<number, { resolve(a: Answer): void; reject(e: Error): void }>();
  private readonly child: ChildProcess;
  private nextId = 1;
  private stderr = '';
  private ended: string | null = null;

  constructor(
    readonly name: string,
    peer: string,
    options: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    const script = fileURLToPath(new URL('peers/peer.mjs', import.meta.url));
    this.child = spawn(process.execPath, [script, '--peer', peer, ...options], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdin?.on('error', () => {}); // a dead child is reported by its exit
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-2000);
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      this.waiting.get(answer.id)?.resolve(answer);
      this.waiting.delete(answer.id);
    });
    this.child.on('exit', (code, signal) => {
      this.ended = `${name} ended with ${signal ?? code}${this.stderr ? `: ${this.stderr.trim().split('\n').slice(-3).join(' ')}` : ''}`;
      for (const { reject } of this.waiting.values()) reject(new Error(this.ended));
      this.waiting.clear();
    });
  }

  /** Starts a peer and learns what it is. */
  static async start(name: string, peer: string, options: readonly string[], env: NodeJS.ProcessEnv): Promise<Peer> {
    const started = new Peer(name, peer, options, env);
    try {
      const hello = await started.request({ cmd: 'hello' }, START_MS);
      started.facts = { ...(hello as unknown as PeerFacts), name };
      return started;
    } catch (error) {
      started.kill();
      throw error;
    }
  }

  /** @throws Skipped where the library lacks an operation, Error for any other failure, and when no answer comes */
  async request(command: object, timeoutMs = REQUEST_MS): Promise<Answer> {
    if (this.ended) throw new Error(this.ended);
    const id = this.nextId++;
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<Answer>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      timer = setTimeout(() => {
        this.kill();
        reject(new Error(`${this.name}: no answer in ${timeoutMs / 1000} s to ${JSON.stringify(command)}`));
      }, timeoutMs);
      this.child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`);
    }).finally(() => clearTimeout(timer));
    if (answer.ok) return answer;
    const message = `${this.name}: ${answer.error}`;
    throw answer.unsupported ? new Skipped(message) : new Error(message);
  }

  /** Asks the process to end, and ends it where it does not. */
  async stop(): Promise<void> {
    try {
      await this.request({ cmd: 'exit' }, 10_000);
    } catch {
      this.kill();
    }
  }
  kill(): void {
    this.child.kill('SIGKILL');
  }
}

interface PeerCheck {
  maxRelErr: number;
  tolerance: number;
  losses?: number[];
}

/** A case's work on a peer; it verifies its own result against float64 and says how far off it was. */
export function peerCandidate(peer: Peer, work: NonNullable<Case['peer']>): Candidate {
  return {
    name: peer.name,
    kind: 'peer',
    async prepare() {
      const items = work.params.batch ?? 1;
      const expected = (peer.pace.get(work.case) ?? 0) * items;
      if (work.params.batch && expected > SLOWEST_STEP_MS) {
        throw new Skipped(`${peer.name}: a step would take about ${Math.round(expected / 1000)} s`);
      }
      const answer = await peer.request({
        cmd: 'prepare',
        ...work,
        params: { ...work.params, checkSteps: 1 },
        seed: 1,
      });
      const { maxRelErr, tolerance, losses } = answer.check as PeerCheck;
      const check: Check = { what: `${peer.name} ${work.case}`, error: maxRelErr, tolerance };
      return {
        check,
        facts: { ...peer.facts, firstMs: answer.firstMs, losses },
        async sample(calls) {
          const { ms } = await peer.request({ cmd: 'sample', iterations: calls });
          const each = (ms as number[]).reduce((a, b) => a + b, 0) / calls;
          peer.pace.set(work.case, each / items);
          return each;
        },
        dispose: async () => {
          await peer.request({ cmd: 'dispose' });
        },
      };
    },
  };
}
