import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Runs a TypeScript module text in a child whose stdout and stderr are pipes; imports are given as `src/…` paths. */
export function runModule(text: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const code = text.replaceAll("'src/", `'${ROOT}src/`);
  return runNode(['--import', 'tsx', '--input-type=module', '-e', code], env);
}

export function runNode(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = setTimeout(() => child.kill('SIGKILL'), 30_000);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  return new Promise((done) =>
    child.on('close', (code, signal) => {
      clearTimeout(kill);
      done({ code, signal, stdout, stderr });
    }),
  );
}

/** An empty folder that the test's end removes. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'secateur-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
