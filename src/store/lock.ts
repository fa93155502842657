import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { SecateurError } from '../gpu/errors.js';
import { StorageError } from '../train/node/atomic-write.js';

/** Another process holds what was asked for, and goes on holding it. */
export class LockedError extends SecateurError {
  constructor(message: string) {
    super('locked', message);
  }
}

export interface LockOptions {
  /** What holders of this lock are called in messages: `setup`, `worker main`. */
  what: string;
  /** Milliseconds to wait for another holder; 0 by default. */
  timeout?: number;
  /** Called once, when another process holds the lock. */
  onWait?: (holder: string) => void;
}

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the kernel's ticks: another process may get a dead one's number. Null where unknown. */
  readonly born: string | null;
  readonly what: string;
}

/** A lock whose holder cannot be read (its file was torn by a power cut) is dead after this many milliseconds. */
const NAMELESS = 5_000;
/** Holders show that they live this often, … */
const HEARTBEAT = 30_000;
/** … and one on another host (a shared folder), which cannot be asked, is dead after this long without it. */
const FOREIGN = 10 * 60_000;

/**
 * Takes a lock that works across processes, waiting where another process holds it. Locks of dead holders are taken over.
 *
 * @returns the function that gives the lock back
 * @throws LockedError when another process holds it for longer than `timeout`
 */
export async function takeLock(path: string, options: LockOptions): Promise<() => void> {
  const { timeout = 0, what } = options;
  const deadline = performance.now() + timeout;
  for (let told = false; ; ) {
    const unlock = tryLock(path, what);
    if (unlock) return unlock;
    const holder = describe(lockHolder(path), what);
    if (!told) options.onWait?.(holder);
    told = true;
    if (performance.now() >= deadline) {
      const time = timeout > 0 ? ` has held ${path} for more than ${Math.round(timeout / 1000)} s` : ` holds ${path}`;
      throw new LockedError(`${holder}${time}: wait for it, or end it`);
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}

/**
 * Takes a lock if it is free or its holder is dead: the folder `path`, which appears under its name with the holder's
 * name in it, so that no lock is ever seen half made.
 *
 * @returns the function that gives the lock back, or null where a living process holds it
 */
export function tryLock(path: string, what: string): (() => void) | null {
  const self = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    born: bornAt(process.pid),
    what,
    id: randomUUID(),
  });
  const prepared = `${path}.${randomUUID()}`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    mkdirSync(prepared);
    writeFileSync(join(prepared, 'holder'), self);
    if (!moved(prepared, path) && !(removeDead(path) && moved(prepared, path))) return null;
  } catch (error) {
    throw new StorageError(path, error as NodeJS.ErrnoException);
  } finally {
    rmSync(prepared, { recursive: true, force: true });
  }
  const beat = setInterval(() => touch(path), HEARTBEAT).unref();
  return () => {
    clearInterval(beat);
    if (read(path) === self) remove(path);
  };
}

/** The living holder of a lock, or null where nobody holds it. */
export function lockHolder(path: string): Holder | null {
  const holder = parse(read(path));
  return holder && !isDead(path) ? holder : null;
}

/** Renames a folder to a name that nothing has. @returns false where the name is taken */
function moved(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (['ENOTEMPTY', 'EEXIST', 'EPERM', 'EACCES'].includes(code) && age(to) !== null) return false;
    throw error;
  }
}

/** Removes a lock under another name: a folder that is being emptied could be replaced by a new lock meanwhile. */
function remove(path: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return; // somebody else removed it
  }
  rmSync(aside, { recursive: true, force: true });
}

/**
 * Removes a lock whose holder is dead. One process at a time looks and removes: a second could otherwise remove the lock
 * that the first one took meanwhile.
 *
 * @returns whether it was removed
 */
function removeDead(path: string): boolean {
  if (!isDead(path)) return false;
  const guard = `${path}.takeover`;
  try {
    mkdirSync(guard);
  } catch {
    if ((age(guard) ?? 0) > NAMELESS) rmSync(guard, { recursive: true, force: true }); // its maker died in between
    return false;
  }
  try {
    if (!isDead(path)) return false;
    remove(path);
    return true;
  } finally {
    rmdirSync(guard);
  }
}

function isDead(path: string): boolean {
  const since = age(path);
  if (since === null) return false; // given back meanwhile
  const holder = parse(read(path));
  if (!holder) return since > NAMELESS;
  if (holder.host !== hostname()) return since > FOREIGN;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const born = bornAt(holder.pid);
  return holder.born !== null && born !== null && holder.born !== born;
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {} // given back meanwhile, or a full disk
}

/** Milliseconds since a folder was last touched; null where it is gone. */
function age(path: string): number | null {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return null;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(join(path, 'holder'), 'utf8');
  } catch {
    return null;
  }
}

function parse(text: string | null): Holder | null {
  try {
    const { pid, host, born, what } = JSON.parse(text ?? '') as Record<keyof Holder, unknown>;
    if (typeof pid !== 'number' || typeof host !== 'string') return null;
    return { pid, host, born: typeof born === 'string' ? born : null, what: String(what) };
  } catch {
    return null;
  }
}

function describe(holder: Holder | null, what: string): string {
  return holder ? `another ${what} (process ${holder.pid} on ${holder.host})` : `another ${what}`;
}

/** When a process of this host began, where the system tells (Linux): ticks since it started. */
function bornAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
