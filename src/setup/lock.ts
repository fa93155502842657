import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { SetupError } from './run.js';

export interface LockOptions {
  /** Milliseconds to wait for another holder. */
  timeout: number;
  /** Called once, when another process holds the lock. */
  onWait?: (holder: string) => void;
}

/** A holder writes its name at once: a lock that is still nameless after this many milliseconds was left by a crash. */
const NAMELESS = 5_000;
/** A holder on another host (a shared folder) cannot be checked; after this many milliseconds it counts as dead. */
const FOREIGN = 30 * 60_000;

/**
 * Takes a lock that works across processes: the folder `path`, which exactly one can make. Locks of dead holders are
 * taken over.
 *
 * @returns the function that gives the lock back
 * @throws SetupError when another process holds it for longer than `timeout`
 */
export async function takeLock(path: string, options: LockOptions): Promise<() => void> {
  const deadline = performance.now() + options.timeout;
  const self = JSON.stringify({ pid: process.pid, host: hostname() });
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; ; ) {
    try {
      mkdirSync(path);
      writeFileSync(join(path, 'holder'), self);
      return () => {
        if (read(path) === self) rmSync(path, { recursive: true, force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = read(path);
    if (isDead(path, holder)) {
      removeDead(path, holder);
      continue;
    }
    if (!told) options.onWait?.(describe(holder));
    told = true;
    if (performance.now() > deadline) {
      const seconds = Math.round(options.timeout / 1000);
      throw new SetupError(
        `${describe(holder)} has held ${path} for more than ${seconds} s: end it or remove that folder`,
      );
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(join(path, 'holder'), 'utf8') || null;
  } catch {
    return null;
  }
}

function parse(holder: string): { pid: number; host: string } | null {
  try {
    const { pid, host } = JSON.parse(holder) as { pid?: unknown; host?: unknown };
    return typeof pid === 'number' && typeof host === 'string' ? { pid, host } : null;
  } catch {
    return null;
  }
}

function describe(holder: string | null): string {
  const known = holder === null ? null : parse(holder);
  return known ? `another setup (process ${known.pid} on ${known.host})` : 'another setup';
}

function isDead(path: string, holder: string | null): boolean {
  let age: number;
  try {
    age = Date.now() - statSync(path).mtimeMs;
  } catch {
    return false; // given back meanwhile
  }
  const known = holder === null ? null : parse(holder);
  if (!known) return age > NAMELESS;
  if (known.host !== hostname()) return age > FOREIGN;
  try {
    process.kill(known.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Moves the dead lock aside before removing it, so that of several waiters only one gets it and none a live one. */
function removeDead(path: string, holder: string | null): void {
  const aside = `${path}.dead-${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // another waiter was faster
  }
  if (read(aside) !== holder) {
    // Between the look and the move, another waiter had taken it over: give it back.
    try {
      renameSync(aside, path);
      return;
    } catch {}
  }
  rmSync(aside, { recursive: true, force: true });
}
