import { type ChildProcess, spawn } from 'node:child_process';
import { SecateurError } from '../gpu/errors.js';

/** Setup could not do what it was asked; the message says what failed and what to do. */
export class SetupError extends SecateurError {
  constructor(message: string, options?: ErrorOptions) {
    super('setup', message, options);
  }
}

export interface RunOptions {
  /** Milliseconds until the command is killed. */
  timeout: number;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Gets each line that the command writes to file descriptor 3 (apt reports its progress there). */
  onStatus?: (line: string) => void;
}

export interface RunResult {
  /** Exit code; null when the command was killed or never started. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
  /** The command does not exist on this machine. */
  missing: boolean;
}

const running = new Set<ChildProcess>();

/** Ends every command that `run` started and that still runs. */
export function killRunning(): void {
  for (const child of running) child.kill('SIGTERM');
}

/** Runs a command without a shell and without input, and tells how it ended; only a wrong `cwd` looks like `missing`. */
export function run(command: string, args: string[], options: RunOptions): Promise<RunResult> {
  return new Promise((done) => {
    const result: RunResult = { code: null, signal: null, stdout: '', stderr: '', timedOut: false, missing: false };
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe', options.onStatus ? 'pipe' : 'ignore'],
    });
    running.add(child);
    const timer = setTimeout(() => {
      result.timedOut = true;
      child.kill('SIGKILL');
    }, options.timeout);
    const end = () => {
      clearTimeout(timer);
      running.delete(child);
      done(result);
    };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (result.stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (result.stderr += text));
    const status = child.stdio[3];
    if (options.onStatus && status && 'on' in status) {
      let rest = '';
      status.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString('utf8')).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) options.onStatus?.(line);
      });
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      result.missing = error.code === 'ENOENT';
      result.stderr += error.message;
      end();
    });
    child.on('close', (code, signal) => {
      result.code = code;
      result.signal = signal;
      end();
    });
  });
}

/** How a failed command ended, in its own words: its errors and warnings, or else its last lines. */
export function explain(command: string, result: RunResult): string {
  if (result.missing) return `${command.split(' ')[0]} is not installed`;
  const lines = `${result.stderr}\n${result.stdout}`.split('\n').filter((line) => !/^\s*$|^npm error\s+at /.test(line));
  const telling = lines.filter((line) => /^(E:|W:|npm error|dpkg-deb:)/.test(line));
  const words = [...new Set(telling.length ? telling.slice(0, 6) : lines.slice(-6))].join('\n  ');
  const how = result.timedOut ? 'took too long' : result.signal ? `was ended by ${result.signal}` : 'failed';
  if (words) return `${command} ${how}:\n  ${words}`;
  return result.code === null ? `${command} ${how}` : `${command} ${how} with code ${result.code}`;
}
