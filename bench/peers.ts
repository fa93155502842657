import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Candidate, type Case, type Check, Skipped } from './case.js';

/** How to start a peer. */
export interface PeerCommand {
  name: string;
  command: string;
  args: string[];
}

/** What a peer says about itself. */
export interface PeerFacts {
  name: string;
  peer: string;
  version: string;
  adapter: string;
  threads: number;
  /** Node or Python, with its version. */
  runtime: string;
  /** The cases that it can do. */
  cases: string[];
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
/** A case is left out where a call would take longer than this, as a smaller one of its kind shows. */
const SLOWEST_CALL_MS = 60_000;

/** A tensor library in a process of its own, spoken to as peers/README.md says. Between requests it waits on its input. */
export class Peer {
  facts: PeerFacts | null = null;
  /** Wall time in ms of one item of a call, by case: what calls of more items may take. */
  readonly pace = new Map<string, number>();
  private readonly waiting = new Map<number, { resolve(a: Answer): void; reject(e: Error): void }>();
  private readonly child: ChildProcess;
  private nextId = 1;
  private stderr = '';
  private ended: string | null = null;

  readonly name: string;

  constructor({ name, command, args }: PeerCommand, env: NodeJS.ProcessEnv) {
    this.name = name;
    this.child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.on('error', (error) => this.end(`${name} did not start: ${error.message}`));
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
      const why = this.stderr ? `: ${this.stderr.trim().split('\n').slice(-3).join(' ')}` : '';
      this.end(`${name} ended with ${signal ?? code}${why}`);
    });
  }

  private end(why: string): void {
    this.ended ??= why;
    for (const { reject } of this.waiting.values()) reject(new Error(this.ended));
    this.waiting.clear();
  }

  /** Starts a peer and learns what it is. */
  static async start(command: PeerCommand, env: NodeJS.ProcessEnv): Promise<Peer> {
    const started = new Peer(command, env);
    try {
      const { id: _id, ok: _ok, ...facts } = await started.request({ cmd: 'hello' }, START_MS);
      started.facts = { ...(facts as unknown as PeerFacts), name: command.name };
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
      const { case: name, params, items } = work;
      const expected = (peer.pace.get(name) ?? 0) * (items ?? 0);
      if (expected > SLOWEST_CALL_MS) {
        throw new Skipped(`${peer.name}: a call would take about ${Math.round(expected / 1000)} s or more`);
      }
      const answer = await peer.request({ cmd: 'prepare', case: name, params: { ...params, checkSteps: 1 }, seed: 1 });
      const { maxRelErr, tolerance, losses } = answer.check as PeerCheck;
      const check: Check = { what: `${peer.name} ${work.case}`, error: maxRelErr, tolerance };
      return {
        check,
        facts: { ...peer.facts, firstMs: answer.firstMs, losses },
        async sample(calls) {
          const { ms } = await peer.request({ cmd: 'sample', iterations: calls });
          const each = (ms as number[]).reduce((a, b) => a + b, 0) / calls;
          if (items) peer.pace.set(name, each / items);
          return each;
        },
        dispose: async () => {
          await peer.request({ cmd: 'dispose' });
        },
      };
    },
  };
}
