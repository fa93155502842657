import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { exportRecords } from '../../src/cli/export.js';
import { query } from '../../src/cli/query.js';
import { report } from '../../src/cli/report.js';
import { status, statusOf } from '../../src/cli/status.js';
import { study } from '../../src/cli/study.js';
import { readStudyFolder } from '../../src/studies/open.js';
import { type Ended, ROOT, runNode, scratch } from '../setup/child.js';

const STUDY = 'test/studies/fake-study.ts';
const secateur = (args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  runNode(['--import', 'tsx', 'src/cli/main.ts', ...args], { NO_COLOR: '1', ...env });
const table = (path: string) => readFileSync(join(path, 'results.jsonl'), 'utf8');

/** Starts a study whose steps take so many milliseconds more, and waits for its first record. */
async function started(path: string, args: string[], slower: number) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'src/cli/main.ts', 'study', STUDY, '--out', path, ...args],
    {
      cwd: ROOT,
      env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FAKE_STUDY_SLOWER: String(slower) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let words = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (words += text));
  const ended = new Promise<{ code: number | null; words: string }>((done) =>
    child.on('close', (code) => done({ code, words })),
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  await vi.waitFor(async () => expect((await readStudyFolder(path)).folder.records.byId.size).toBeGreaterThan(0), {
    timeout: 30_000,
    interval: 20,
  });
  return { child, ended };
}

/** Runs a command in this process. @returns what it printed (less its colours, which CI has on), and its exit code */
async function printed(command: () => Promise<number>): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const to = (key: 'out' | 'err') => (text: unknown) => void (said[key] += stripVTControlCharacters(`${text}\n`));
  const spies = [
    vi.spyOn(console, 'log').mockImplementation(to('out')),
    vi.spyOn(console, 'error').mockImplementation(to('err')),
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      to('out')(text);
      return true;
    }),
  ];
  try {
    return { code: await command(), ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('secateur study', () => {
  it('runs a study to its report; status, query and export read what it left', async () => {
    const path = join(scratch(), 'out');
    const done = await printed(() => study(STUDY, { out: path, set: ['training.diverge=[1]'] }));
    expect([done.code, done.out]).toEqual([
      0,
      `15 records\nreport: ${join(path, 'report.html')}\nresults: ${join(path, 'results.jsonl')}\n`,
    ]);
    expect(done.err).toContain('0 of 15 runs are done\n[1/15] parent 0: finished, 0 s (10 %');
    expect(done.err).toMatch(/child 0.5: blocked, since run \w{16} diverged/);
    expect(JSON.parse(readFileSync(join(path, 'study.json'), 'utf8'))).toMatchObject({
      format: 1,
      study: 'fake',
      revision: 1,
      command: `secateur study ${STUDY} --set 'training.diverge=[1]'`,
    });

    const state = await printed(() => status(path, { json: true }));
    expect(JSON.parse(state.out)).toMatchObject({ finished: 10, diverged: 1, blocked: 4, missing: 0, running: [] });
    const words = await printed(() => status(path, {}));
    expect(words.out).toContain('15 of 15 runs, 100 % of the work: 10 finished, 1 diverged, 4 blocked, 0 missing');

    const ask = (sql: string, options: { json?: boolean; csv?: boolean }) => printed(() => query(path, sql, options));
    const sql = 'SELECT status, count(*) AS n, min(config.steps) AS steps FROM runs GROUP BY ALL ORDER BY n';
    expect(JSON.parse((await ask(sql, { json: true })).out)).toEqual([
      { status: 'diverged', n: 1, steps: 6 },
      { status: 'blocked', n: 4, steps: 1 },
      { status: 'finished', n: 10, steps: 1 },
    ]);
    const children = await ask('SELECT config.sparsity AS s, result FROM child ORDER BY ALL LIMIT 1', { csv: true });
    expect(children.out).toMatch(/^s,result\r\n0\.5,"\{""/);
    expect((await ask('SELECT 1 AS one', {})).out).toMatch(/one(.|\n)*1 row\n$/);
    await expect(query(path, 'SELECT nothing FROM runs', {})).rejects.toThrow('nothing');

    const none = await ask('SELECT id, status FROM runs WHERE false', { csv: true });
    expect(none.out.trim()).toBe('id,status');
    const exported = await printed(() => exportRecords(path, { parquet: true, csv: true }));
    expect(exported.out).toBe(`${join(path, 'runs.parquet')}\n${join(path, 'runs.csv')}\n`);
    const read = `SELECT count(*) AS n FROM '${join(path, 'runs.parquet')}'`;
    expect(JSON.parse((await ask(read, { json: true })).out)).toEqual([{ n: 15 }]);
    const codec = `SELECT DISTINCT compression FROM parquet_metadata('${join(path, 'runs.parquet')}')`;
    expect(JSON.parse((await ask(codec, { json: true })).out)).toEqual([{ compression: 'ZSTD' }]);
    expect(readFileSync(join(path, 'runs.csv'), 'utf8')).toMatch(/^id,status,config\.study,.*result\.value.*\r\n/);
    await expect(exportRecords(path, {})).rejects.toThrow('--parquet, --csv, or both');
  });

  it('prints its plan and its schema, and touches nothing then', async () => {
    const path = join(scratch(), 'out');
    const plan = await printed(() => study(STUDY, { out: path, dryRun: true, shard: '1/2' }));
    expect(plan.out).toMatch(/A study of nothing: \d+ runs \(\d parent, \d child, \d pair\) for /);
    expect(plan.out).toMatch(/0 are done; \d+ are left, 100 % of the work/);
    const schema = await printed(() => study(STUDY, { schema: true }));
    expect(JSON.parse(schema.out)).toMatchObject({ title: 'A study of nothing' });
    expect(existsSync(path)).toBe(false);
    await printed(() => study(STUDY, { out: path }));
    expect((await printed(() => study(STUDY, { out: path, dryRun: true }))).out).toContain('15 are done; 0 are left');
    await expect(study(STUDY, { out: path, dryRun: true, set: ['seeds=[5]'] })).rejects.toThrow('holds another study');
  });

  it('leaves what a part did, and says how to go on', async () => {
    const path = join(scratch(), 'out');
    const part = await printed(() => study(STUDY, { out: path, shard: '1/3' }));
    expect(part.out).toMatch(/^This part is done: \d+ of 15 runs are in /);
    for (const shard of ['2/3', '3/3']) await printed(() => study(STUDY, { out: path, shard, report: false }));
    expect(existsSync(join(path, 'results.jsonl'))).toBe(true);
  });

  it('says what is wrong, with a code that tells whose fault it is', async () => {
    const path = scratch();
    const ended = async (args: string[]) => {
      const { code, stderr } = await secateur(args);
      return `${code} ${stderr}`;
    };
    const tried = await Promise.all([
      ended(['study', 'svca']),
      ended(['study', STUDY, '--out', path, '--set', 'sparsities=[1.0]']),
      ended(['study', STUDY, '--shard', '3/2']),
      ended(['study', STUDY, '--colour']),
      ended(['status', path]),
    ]);
    expect(tried[0]).toMatch(/^2 secateur: there is no study svca; there are svcca/);
    expect(tried[1]).toMatch(/^2 secateur: .*\n {2}sparsities\[0\]: Too big: expected number to be <1, got 1\n$/);
    expect(tried[2]).toMatch(/^2 secateur: --shard: expected i\/n/);
    expect(tried[3]).toMatch(/^2 error: unknown option '--colour'/);
    expect(tried[4]).toMatch(/^2 secateur: .* holds no study/);
    expect(readdirSync(path)).toEqual([]);
  });

  it('stops on ctrl-C in good order, says how to go on, and keeps a second process out', async () => {
    const path = join(scratch(), 'out');
    const { child, ended } = await started(path, [], 150);
    const second = await secateur(['study', STUDY, '--out', path]);
    expect([second.code, second.stderr]).toEqual([75, expect.stringContaining('another secateur study (main)')]);
    const state = await statusOf(await readStudyFolder(path));
    expect(state.workers).toEqual([expect.objectContaining({ name: 'main', pid: child.pid })]);
    expect(state.secondsLeft).toBeGreaterThan(0);
    child.kill('SIGINT');
    const { code, words } = await ended;
    expect([code, words]).toEqual([
      130,
      expect.stringContaining(`Go on with:\n  secateur study ${STUDY} --out ${path}\n`),
    ]);
    expect(readdirSync(join(path, 'locks'))).toEqual([]);
    const half = await printed(() => report(path));
    expect(half.err).toMatch(/of 15 runs are missing: the report is of what is there/);
    await printed(() => study(STUDY, { out: path, report: false }));
    expect(table(path)).toBe(await undisturbed());
  });

  it('has several workers, goes on when one is killed, and stops them all on SIGTERM', async () => {
    const path = join(scratch(), 'out');
    const args = ['--workers', '2', '--no-report'];
    const first = await started(path, args, 150);
    first.child.kill('SIGTERM');
    const stopped = await first.ended;
    expect([stopped.code, stopped.words]).toEqual([130, expect.stringContaining('--workers 2 --no-report')]);
    expect(readdirSync(join(path, 'locks'))).toEqual([]);

    const again = await started(path, args, 40);
    const worker = await vi.waitFor(
      async () => {
        const { workers } = await statusOf(await readStudyFolder(path));
        return workers.find(({ name }) => name === 'main.1') ?? expect.fail('no worker yet');
      },
      { timeout: 20_000 },
    );
    process.kill(worker.pid, 'SIGKILL');
    const { code, words } = await again.ended;
    expect([code, words]).toEqual([
      0,
      expect.stringContaining('worker main.1 was ended by SIGKILL; it is started again'),
    ]);
    expect(table(path)).toBe(await undisturbed());
  }, 120_000);

  async function undisturbed(): Promise<string> {
    const path = join(scratch(), 'whole');
    await printed(() => study(STUDY, { out: path, report: false }));
    return table(path);
  }

  it('says how to install DuckDB where it is missing', async () => {
    const path = join(scratch(), 'out');
    await printed(() => study(STUDY, { out: path }));
    const missing = "if (name.startsWith('@duckdb')) throw new Error('missing')";
    const hook = dataUrl(`export const resolve = (name, context, next) => { ${missing}; return next(name, context); }`);
    const loader = dataUrl(`import { register } from 'node:module'; register(${JSON.stringify(hook)});`);
    const args = ['--import', 'tsx', '--import', loader, 'src/cli/main.ts', 'query', path, 'SELECT 1'];
    const { code, stderr } = await runNode(args);
    expect([code, stderr]).toEqual([1, 'secateur: this command needs DuckDB: npm install @duckdb/node-api\n']);
  });

  const dataUrl = (script: string) => `data:text/javascript,${encodeURIComponent(script)}`;
});
