import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ConfigSources, configSchema, planStudy, runsOfShard, studyConfig } from '../../src/studies/index.js';
import { parseShard } from '../../src/studies/plan.js';
import { Overall } from '../../src/studies/progress.js';
import { loadStudy } from '../../src/studies/registry.js';
import { scratch } from '../setup/child.js';
import { fakeStudy, SMALL } from './fake-study.js';

const study = fakeStudy();
const config = (sources: ConfigSources) => studyConfig(study, sources);

function file(text: string): string {
  const path = join(scratch(), 'my.yaml');
  writeFileSync(path, text);
  return path;
}

describe('studyConfig', () => {
  it('takes the first preset, then the file, then the settings', () => {
    expect(config({})).toEqual(SMALL);
    expect(config({ preset: 'slow' }).training.pause).toBe(5);
    const path = file('training:\n  steps: 9\n  pause: 2\nseeds: [4, 5]\n');
    const set = ['training.steps=11', 'seeds[1]=7', 'sparsities=[0.25]', 'training.diverge.0=3'];
    expect(config({ preset: 'slow', file: path, set })).toEqual({
      ...SMALL,
      seeds: [4, 7],
      sparsities: [0.25],
      training: { steps: 11, pause: 2, diverge: [3] },
    });
    expect(config({ file: file('{"seeds": [8]}') }).seeds).toEqual([8]);
    expect(config({}), 'presets are not changed').toEqual(SMALL);
  });

  it('replaces a mapping that becomes another kind of thing', () => {
    expect(config({ file: file('data: { source: mnist, train: null }') }).data).toEqual({
      source: 'mnist',
      train: null,
    });
    expect(config({ file: file('data: { size: 16 }') }).data).toEqual({ source: 'digits', size: 16 });
    expect(config({ set: ['data={source: mnist, train: 5}'] }).data).toEqual({ source: 'mnist', train: 5 });
  });

  it('says where a wrong value is, what was expected and what is there', () => {
    const refused = (set: string[], message: string | RegExp) => expect(() => config({ set })).toThrow(message);
    refused(['sparsities[1]=1.0'], /sparsities\[1\]: Too big: expected number to be <1, got 1$/m);
    refused(['sparsities=[-0.1]'], /sparsities\[0\]: Too small: expected number to be >0, got -0.1$/m);
    refused(['training.epochs=3'], 'training.epochs: unknown key; known are steps, pause, diverge');
    refused(['sead=3'], 'sead: unknown key; known are seeds, sparsities, training, data');
    refused(['training.steps=many'], 'training.steps: expected number, received string, got "many"');
    refused(['seeds=3'], 'seeds: expected array, received number, got 3');
    refused(['data.train=3'], 'data.train: unknown key; known are source, size, train');
    refused(['training.steps=.nan'], 'training.steps: ');
    refused(['__proto__.x=3'], '__proto__: unknown key');
    refused(['seeds.x=3'], '--set seeds.x=3: expected an index from 0 to 3, got x');
    refused(['seeds'], '--set seeds: expected key=value');
    refused(['seeds=[1'], /^--set seeds=\[1: /);
    expect(() => config({ preset: 'huge' })).toThrow('study fake has no preset huge; there are small, slow');
    expect(() => config({ file: '/nowhere.yaml' })).toThrow('/nowhere.yaml cannot be read');
    expect(() => config({ file: file('- 1') })).toThrow('my.yaml: expected a mapping of keys to values, got [1]');
    expect(() => config({ file: file('a: [') })).toThrow(/my.yaml: .* at line 1/);
  });

  it('has a schema for editors in which a file may leave out what its preset says', () => {
    const schema = configSchema(study) as unknown as { required?: string[]; properties: Record<string, never> };
    expect(schema.required).toBeUndefined();
    expect(schema).toMatchObject({
      title: 'A study of nothing',
      additionalProperties: false,
      properties: { training: { properties: { steps: { description: 'steps of every run' } } } },
    });
    expect(schema.properties.training).not.toHaveProperty('required');
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });
});

describe('plans', () => {
  it('must list what a run needs before it, once, under its hash', () => {
    const runs = study.expand(SMALL);
    const plan = (expand: () => typeof runs) => () => planStudy({ ...study, expand }, SMALL);
    expect(plan(() => runs.toReversed())).toThrow('which does not come before it');
    expect(plan(() => [...runs, runs[0]])).toThrow('is planned twice');
    expect(plan(() => [{ ...runs[0], config: { ...runs[0].config, seed: 9 } }])).toThrow('not its hash');
  });

  it('are cut into parts that have all that they need, and are the whole together', () => {
    const plan = planStudy(study, { ...SMALL, seeds: [0, 1, 2, 3, 4, 5, 6, 7] });
    const parts = [1, 2, 3, 4].map((index) => runsOfShard(plan, { index, count: 4 }));
    for (const part of parts) {
      const ids = part.map(({ id }) => id);
      for (const run of part) for (const id of run.needs) expect(ids).toContain(id);
      expect(part.length).toBeLessThan(plan.runs.length);
    }
    expect(new Set(parts.flat()).size).toBe(plan.runs.length);
    expect(['0/2', '3/2', '1', '1/0', '-1/2', 'a/b'].map(parseShard)).toEqual(Array(6).fill(null));
    expect(parseShard('2/2')).toEqual({ index: 2, count: 2 });
  });
});

describe('loadStudy', () => {
  it('says which studies there are', async () => {
    await expect(loadStudy('svca')).rejects.toThrow(
      'there is no study svca; there are svcca, cubist-spiral, and the path of a module',
    );
    await expect(loadStudy('toString')).rejects.toThrow('there is no study toString');
    await expect(loadStudy('./nowhere.js')).rejects.toThrow('./nowhere.js is not there');
    await expect(loadStudy('test/support/close.ts')).rejects.toThrow('has no study as its default export');
  });
});

describe('Overall', () => {
  it('reckons by weights, and leaves out what a checkpoint had done before', () => {
    const runs = planStudy(study, SMALL).runs.slice(0, 3);
    const overall = new Overall(
      runs,
      (id) => id === runs[0].id,
      () => 10,
      0,
    );
    expect(overall.share).toBeCloseTo(1 / 3);
    expect(overall.secondsLeft(1000)).toBeNull();
    overall.progress(runs[1].id, 0.5);
    expect(overall.share).toBeCloseTo(0.5);
    expect(overall.secondsLeft(1000), 'resumed at a half').toBeNull();
    overall.progress(runs[1].id, 0.75);
    expect(overall.secondsLeft(1000)).toBeCloseTo(12.5 / 2.5);
    overall.done(runs[1].id);
    expect(overall.secondsLeft(2000)).toBeCloseTo((10 / 5) * 2);
    overall.done(runs[2].id);
    expect([overall.share, overall.secondsLeft(3000)]).toEqual([1, 0]);
  });
});
