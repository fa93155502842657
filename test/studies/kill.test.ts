import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Records, type RunRecord } from '../../src/store/index.js';
import { runStudy } from '../../src/studies/index.js';
import { ROOT, scratch } from '../setup/child.js';
import { Inputs, SEED } from '../support/random.js';
import { fakeStudy, SMALL } from './fake-study.js';

const CONFIG = { ...SMALL, training: { ...SMALL.training, pause: 60 } };
const WORKER = `
  import { runStudy } from '${ROOT}src/studies/index.ts';
  import { fakeStudy } from '${ROOT}test/studies/fake-study.ts';
  const { path, worker, usesDevice, config } = JSON.parse(process.argv[1]);
  const { status } = await runStudy({ study: fakeStudy({ usesDevice }), config, path, worker });
  process.exit(status === 'complete' ? 0 : 1);`;

interface Task {
  path: string;
  worker?: string;
  usesDevice?: boolean;
}

function start(task: Task): ChildProcess {
  const args = ['--import', 'tsx', '--input-type=module', '-e', WORKER, JSON.stringify({ ...task, config: CONFIG })];
  return spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** How a child ended: its exit code, or the signal. `words`: what it said. */
function end(child: ChildProcess): Promise<{ how: number | string | null; words: string }> {
  let words = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (words += text));
  return new Promise((done) => child.on('close', (code, signal) => done({ how: signal ?? code, words })));
}

const table = (path: string) => readFileSync(join(path, 'results.jsonl'), 'utf8');

/** Waits until so many records are there, or the child has ended. */
async function begun(path: string, records: number, child: ChildProcess): Promise<void> {
  const store = new Records(join(path, 'runs'));
  while (store.byId.size < records && child.exitCode === null && child.signalCode === null) {
    await new Promise((done) => setTimeout(done, 10));
    await store.refresh().catch(() => {});
  }
}

async function undisturbed(usesDevice = false): Promise<string> {
  const path = scratch();
  await runStudy({ study: fakeStudy({ usesDevice }), config: CONFIG, path });
  return table(path);
}

/** Kills a study again and again at random moments until it is done. @returns how often */
async function killUntilDone(task: Task, random: Inputs): Promise<number> {
  for (let kills = 0; ; kills++) {
    const store = new Records(join(task.path, 'runs'));
    await store.refresh().catch(() => {});
    const child = start(task);
    const ended = end(child);
    // One kill in three falls anywhere into the start; the others wait for one more record, so that the study moves on.
    if (kills % 3 !== 2) await begun(task.path, store.byId.size + 1, child);
    // The first kill comes at once: on a busy machine a child may be done before a later one.
    const timer = setTimeout(() => child.kill('SIGKILL'), kills === 0 ? 0 : random.integer(300));
    const { how, words } = await ended;
    clearTimeout(timer);
    if (how === 0) return kills;
    expect([how, words], `seed ${SEED}`).toEqual(['SIGKILL', expect.not.stringContaining('Error')]);
    expect(kills).toBeLessThan(60);
  }
}

describe('kill -9', () => {
  it('at random moments leaves the same table as an undisturbed run', async () => {
    const path = scratch();
    const kills = await killUntilDone({ path }, new Inputs('kills'));
    expect(kills).toBeGreaterThan(0);
    expect(table(path), `seed ${SEED}, ${kills} kills`).toBe(await undisturbed());
  }, 120_000);

  it('does so where runs compute on a device', async () => {
    const path = scratch();
    const child = start({ path, usesDevice: true });
    const ended = end(child);
    await begun(path, 3, child);
    setTimeout(() => child.kill('SIGKILL'), new Inputs('device').integer(50));
    expect((await ended).how).toBe('SIGKILL');
    expect((await end(start({ path, usesDevice: true }))).how).toBe(0);
    expect(table(path)).toBe(await undisturbed(true));
  });

  it('of one of two workers leaves its runs to the other', async () => {
    const path = scratch();
    const first = start({ path, worker: 'a' });
    const firstEnd = end(first);
    await begun(path, 1, first);
    const second = end(start({ path, worker: 'b' }));
    setTimeout(() => first.kill('SIGKILL'), new Inputs('two').integer(400));
    expect((await firstEnd).how).toBe('SIGKILL');
    expect(await second).toMatchObject({ how: 0 });
    expect(table(path), `seed ${SEED}`).toBe(await undisturbed());
    const lines = ['a', 'b'].flatMap((worker) => ids(join(path, 'runs', `${worker}.jsonl`)));
    expect([lines.length, new Set(lines).size], 'no run is recorded twice').toEqual([15, 15]);
  });
});

function ids(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as RunRecord).id);
}
