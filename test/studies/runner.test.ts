import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDevice } from '../../src/index.js';
import {
  FailedRunsError,
  FolderError,
  LockedError,
  planStudy,
  type RunStudyOptions,
  type RunStudyResult,
  runStudy,
  StudyFolder,
  type StudyReporter,
} from '../../src/studies/index.js';
import { scratch } from '../setup/child.js';
import { type FakeConfig, fakeStudy, SMALL } from './fake-study.js';

const run = (path: string, options: Partial<RunStudyOptions<FakeConfig>> = {}): Promise<RunStudyResult<FakeConfig>> =>
  runStudy({ study: fakeStudy(), config: SMALL, path, ...options });
const table = (path: string) => readFileSync(join(path, 'results.jsonl'), 'utf8');
const lines = (path: string, worker = 'main') =>
  readFileSync(join(path, 'runs', `${worker}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

function collector(): StudyReporter & { notices: string[]; ids: string[] } {
  const notices: string[] = [];
  const ids: string[] = [];
  return { notices, ids, notice: (text) => notices.push(text), done: ({ id }) => ids.push(id) };
}

describe('runStudy', () => {
  it('does all runs, each after those that it needs, and writes the table in the order of the plan', async () => {
    const path = scratch();
    const reporter = collector();
    const result = await run(path, { reporter });
    expect(result.status).toBe('complete');
    expect(result.results).toBe(join(path, 'results.jsonl'));
    expect(reporter.ids).toEqual(result.plan.runs.map(({ id }) => id));
    const rows = table(path).trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row).id)).toEqual(reporter.ids);
    expect(Object.keys(JSON.parse(rows[0]))).toEqual(['config', 'id', 'result', 'status']);
    expect(lines(path)[0].about).toMatchObject({ worker: 'main', adapter: 'none' });
    expect(readdirSync(join(path, 'files')).sort()).toEqual([...reporter.ids].sort());
    for (const empty of ['checkpoints', 'locks']) expect(readdirSync(join(path, empty))).toEqual([]);
  });

  it('does nothing twice', async () => {
    const path = scratch();
    await run(path);
    const before = table(path);
    const reporter = collector();
    const onStep = () => {
      throw new Error('done already');
    };
    await run(path, { reporter, study: fakeStudy({ onStep }) });
    expect(reporter.ids).toEqual([]);
    expect(table(path)).toBe(before);
  });

  it('goes on from the checkpoint when it was stopped, to the same bytes', async () => {
    const whole = scratch();
    await run(whole);
    const path = scratch();
    const steps: string[] = [];
    for (let stops = 0; ; stops++) {
      const controller = new AbortController();
      const onStep = ({ id }: { id: string }, step: number) => {
        steps.push(`${id} ${step}`);
        if (steps.length % 5 === 0) controller.abort();
      };
      const { status, results } = await run(path, { study: fakeStudy({ onStep }), signal: controller.signal });
      if (status === 'complete') break;
      expect([status, results, stops < 100]).toEqual(['stopped', null, true]);
      expect(readdirSync(join(path, 'locks'))).toEqual([]);
    }
    expect(new Set(steps).size, 'no step was done twice').toBe(steps.length);
    expect(table(path)).toBe(table(whole));
  });

  it('blocks what needs a run that diverged, and names that run', async () => {
    const path = scratch();
    const config = { ...SMALL, training: { ...SMALL.training, diverge: [1] } };
    const { records, plan, status } = await run(path, { config });
    expect(status).toBe('complete');
    const parent = plan.runs.find((r) => r.config.seed === 1)!;
    expect(records.get(parent.id)).toMatchObject({ status: 'diverged', result: { step: 3 } });
    const below = plan.runs.filter((r) => r.needs.includes(parent.id));
    expect(below).toHaveLength(4);
    for (const { id } of below) expect(records.get(id)).toMatchObject({ status: 'blocked', result: { by: parent.id } });
    expect([...records.values()].filter((r) => r.status === 'finished')).toHaveLength(10);
  });

  it('sets a run that throws aside, with what needs it, does the others, and tries it again the next time', async () => {
    const path = scratch();
    const bad = planStudy(fakeStudy(), SMALL).runs[6];
    const reporter = collector();
    const onStep = ({ id }: { id: string }) => {
      if (id === bad.id) throw new Error('a bug');
    };
    const failing = run(path, { study: fakeStudy({ onStep }), reporter });
    await expect(failing).rejects.toThrow(FailedRunsError);
    await expect(failing).rejects.toThrow(new RegExp(`^a run failed[^]*run ${bad.id}\\) failed: Error: a bug`));
    expect(reporter.notices).toEqual([expect.stringContaining(`run ${bad.id}) failed: a bug`)]);
    expect(lines(path)).toHaveLength(13);
    expect(readdirSync(join(path, 'locks'))).toEqual([]);
    expect((await run(path)).status).toBe('complete');
  });

  it('does the others too where a stopped study goes on with a run that throws', async () => {
    const path = scratch();
    const { runs } = planStudy(fakeStudy(), SMALL);
    const controller = new AbortController();
    const stops = ({ id }: { id: string }) => id === runs[1].id && controller.abort();
    await run(path, { study: fakeStudy({ onStep: (r) => void stops(r) }), signal: controller.signal });
    const before = lines(path).length;
    const onStep = ({ id }: { id: string }) => {
      if (id === runs[1].id) throw new Error('a bug');
    };
    await expect(run(path, { study: fakeStudy({ onStep }) })).rejects.toThrow(FailedRunsError);
    expect([before, lines(path).length]).toEqual([1, 13]);
  });

  it('ends where the first run throws, with its words', async () => {
    const path = scratch();
    const onStep = () => {
      throw new TypeError('a bug');
    };
    await expect(run(path, { study: fakeStudy({ onStep }) })).rejects.toThrow(TypeError);
    expect(readFileSync(join(path, 'runs', 'main.jsonl'), 'utf8')).toBe('');
  });

  it('ends after five failures in a row', async () => {
    const path = scratch();
    const config = { ...SMALL, seeds: [0], sparsities: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7] };
    let tried = 0;
    const onStep = ({ config }: { config: { kind?: unknown } }) => {
      if (config.kind !== 'child') return;
      tried++;
      throw new Error('a bug');
    };
    await expect(run(path, { study: fakeStudy({ onStep }), config })).rejects.toThrow('5 runs failed');
    expect(tried).toBe(5);
  });

  it('gives a run only what it needs', async () => {
    const [parent, , , other] = planStudy(fakeStudy(), SMALL).runs;
    const tried: string[] = [];
    const onStep: NonNullable<Parameters<typeof fakeStudy>[0]>['onStep'] = (r, _, context) => {
      if (r.id !== parent.id) return;
      for (const ask of [() => context.need(other.id), () => context.files(other.id), () => context.device])
        try {
          ask();
        } catch (error) {
          tried.push((error as Error).message);
        }
    };
    await run(scratch(), { study: fakeStudy({ onStep }) });
    expect(tried.slice(0, 3)).toEqual([
      `need: expected a run that ${parent.id} needs, got ${other.id}`,
      `files: expected a run that ${parent.id} needs, got ${other.id}`,
      'device: expected a study that uses one, got usesDevice: false',
    ]);
  });
});

describe('a folder', () => {
  it('of another configuration, revision or format is refused, and stays as it is', async () => {
    const path = scratch();
    await run(path);
    const before = readFileSync(join(path, 'study.json'), 'utf8');
    const refused = (changed: Partial<RunStudyOptions<FakeConfig>>) => expect(run(path, changed)).rejects;
    const config = { ...SMALL, seeds: [0, 4, 2, 7], training: { ...SMALL.training, steps: 9 } };
    await refused({ config }).toThrow(FolderError);
    await refused({ config }).toThrow(
      /seeds\[1\]: 1 there, 4 here\n.*seeds\[3\]: nothing there, 7 here\n.*steps: 6 there, 9/,
    );
    await refused({ config }).toThrow('--out');
    await refused({ study: fakeStudy({ revision: 2 }) }).toThrow('revision: 1 there, 2 here');
    expect(readFileSync(join(path, 'study.json'), 'utf8')).toBe(before);
    const writes = (text: string) => writeFileSync(join(path, 'study.json'), text);
    writes(before.replace('"format": 1', '"format": 7'));
    await refused({}).toThrow(/was made by secateur .* in format 7; this version reads and writes format 1/);
    writes('{ "format"');
    await refused({}).toThrow(/study.json is damaged/);
    writes(before.replace(/"plan": "\w+"/, '"plan": "0123"').replace(/"version": "[^"]+"/, '"version": "0.0.9"'));
    await refused({}).toThrow('secateur 0.0.9 planned others there');
    writes(before.replace(/"version": "[^"]+"/, '"version": "9.9.9"'));
    expect((await run(path)).status).toBe('complete');
  });

  it('has one process of a name', async () => {
    const path = scratch();
    const seconds: Promise<Error>[] = [];
    const onStep = () => {
      if (seconds.length === 0)
        seconds.push(
          run(path).then(
            () => new Error('let in'),
            (error) => error,
          ),
        );
    };
    await run(path, { study: fakeStudy({ onStep }) });
    const refused = await seconds[0];
    expect(refused).toBeInstanceOf(LockedError);
    expect(refused.message).toMatch(/another secateur study \(main\) \(process \d+ on .*\) holds/);
  });

  it('tells of records of one run that differ, and keeps the first', async () => {
    const path = scratch();
    const { plan } = await run(path);
    const before = table(path);
    const record = lines(path)[0];
    const write = (name: string, value: object) =>
      writeFileSync(join(path, 'runs', `${name}.jsonl`), `${JSON.stringify(value)}\n`);
    write('equal', { ...record, about: { ...record.about, worker: 'equal', started: '2001-01-01T00:00:00.000Z' } });
    write('other', { ...record, result: { value: 1 }, about: { ...record.about, worker: 'other', started: '2999' } });
    const reporter = collector();
    await run(path, { reporter });
    expect(reporter.notices).toHaveLength(1);
    expect(reporter.notices[0]).toMatch(
      `run ${plan.runs[0].id} has two records that differ: kept is that of equal on none (finished, 2001-01-01T00:00:00.000Z), not that of other`,
    );
    expect(reporter.notices[0]).toContain(`result.value: ${record.result.value} there, 1 here`);
    expect(table(path)).toBe(before);
  });
});

describe('several workers', () => {
  it('share a folder without doing a run twice', async () => {
    const whole = scratch();
    await run(whole);
    const path = scratch();
    const config = { ...SMALL, training: { ...SMALL.training, pause: 1 } };
    const results = await Promise.all(['a', 'b', 'c'].map((worker) => run(path, { worker, config })));
    expect(results.map(({ status }) => status)).toEqual(Array(3).fill('complete'));
    const done = ['a', 'b', 'c'].flatMap((worker) =>
      existsSync(join(path, 'runs', `${worker}.jsonl`)) ? lines2(path, worker) : [],
    );
    expect(done).toHaveLength(15);
    expect(new Set(done).size).toBe(15);
    const alone = scratch();
    await run(alone, { config });
    expect(table(path)).toBe(table(alone));
  });

  const lines2 = (path: string, worker: string) =>
    readFileSync(join(path, 'runs', `${worker}.jsonl`), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).id);

  it('do parts of a study in folders of their own, which merge by copying', async () => {
    const whole = scratch();
    await run(whole);
    const merged = scratch();
    for (const index of [1, 2, 3]) {
      const path = scratch();
      const { status } = await run(path, { shard: { index, count: 3 } });
      expect(status).toBe('part');
      const { folder } = await openedCopy(merged);
      for (const name of readdirSync(join(path, 'runs')))
        writeFileSync(join(folder.path, 'runs', name), readFileSync(join(path, 'runs', name)));
    }
    const reporter = collector();
    expect((await run(merged, { reporter })).status).toBe('complete');
    expect(reporter.ids).toEqual([]);
    expect(table(merged)).toBe(table(whole));
  });

  async function openedCopy(path: string) {
    await run(path, { signal: AbortSignal.abort() });
    return { folder: await StudyFolder.read(path) };
  }
});

describe('a device', () => {
  it('that is lost is replaced, and the run goes on from its checkpoint', async () => {
    const whole = scratch();
    await run(whole, { study: fakeStudy({ usesDevice: true }) });
    const path = scratch();
    const reporter = collector();
    let losses = 0;
    let steps = 0;
    const study = fakeStudy({
      usesDevice: true,
      onStep: async (_, step, { device }) => {
        steps++;
        if (step !== 3 || losses >= 2) return;
        losses++;
        device.gpuDevice.destroy();
        await device.sync();
      },
    });
    let opened = 0;
    const open = () => {
      opened++;
      return openDevice();
    };
    expect((await run(path, { study, reporter, openDevice: open })).status).toBe('complete');
    expect([losses, opened]).toEqual([2, 3]);
    expect(steps).toBe(9 * 6 + 6 * 1 + 2);
    expect(reporter.notices).toEqual(Array(2).fill(expect.stringContaining('going on with a new device')));
    expect(table(path)).toBe(table(whole));
    expect(lines(path)[0].about.adapter).not.toBe('none');
  });

  it('that is lost again and again without progress ends the study, which goes on later', async () => {
    const path = scratch();
    let opened = 0;
    const study = fakeStudy({
      usesDevice: true,
      onStep: async (_, __, { device }) => {
        device.gpuDevice.destroy();
        await device.sync();
      },
    });
    const open = () => {
      opened++;
      return openDevice();
    };
    await expect(run(path, { study, openDevice: open })).rejects.toThrow('the device was lost (destroyed)');
    expect(opened).toBe(4);
    expect((await run(path, { study: fakeStudy({ usesDevice: true }) })).status).toBe('complete');
  });
});
