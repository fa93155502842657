import { describe, expect, it } from 'vitest';
import type { SpiralConfig } from '../../../src/studies/cubist-spiral/config.js';
import { spiralSchema } from '../../../src/studies/cubist-spiral/config.js';
import { expandSpiral, type SpiralRun, shapeAround, triplesOf } from '../../../src/studies/cubist-spiral/expand.js';
import { presets } from '../../../src/studies/cubist-spiral/presets.js';
import type { MasksRunConfig, MethodRunConfig } from '../../../src/studies/cubist-spiral/types.js';
import { planStudy } from '../../../src/studies/plan.js';
import type { Study } from '../../../src/studies/study.js';

const { full, quick, search95, methods, search995, tiny } = presets;
const plan = (change: Partial<SpiralConfig>) => expandSpiral(spiralSchema.parse({ ...tiny.config, ...change }));
const sum = (runs: readonly SpiralRun[]) => runs.reduce((n, run) => n + run.runs, 0);
const ofKind = (runs: readonly SpiralRun[], kind: string) => runs.filter(({ config }) => config.kind === kind);

describe('expansion of the Cubist Spiral study', () => {
  it('is, in full, the 485,838 runs of the published study', () => {
    const runs = expandSpiral(full.config).filter(({ config }) => config.kind !== 'reference');
    expect(sum(runs)).toBe(485_838);
    const of = (kind: string, initialisation: string, target: number | null) =>
      sum(ofKind(runs, kind).filter(({ config: c }) => c.initialisation === initialisation && c.target === target));
    expect(of('method', 'random', null)).toBe(18_954);
    expect(of('structured', 'random', null)).toBe(24_576);
    expect(of('masks', 'random', 0.95)).toBe(155_952);
    expect(of('masks', 'random', 0.995)).toBe(189_624);
    expect(of('method', 'fixed', 0.95)).toBe(9720);
    expect(of('structured', 'fixed', 0.95)).toBe(558);
    expect(of('masks', 'fixed', 0.95)).toBe(2496);
    expect(of('method', 'fixed', 0.995)).toBe(11_340);
    expect(of('structured', 'fixed', 0.995)).toBe(2034);
    expect(of('masks', 'fixed', 0.995)).toBe(70_584);
  });

  it.each(Object.entries({ full, quick, search95, methods, search995, tiny }))(
    'is a plan that can be done: %s',
    (_, preset) => {
      const study = { name: 'cubist-spiral', revision: 1, expand: expandSpiral } as unknown as Study<SpiralConfig>;
      const { runs } = planStudy(study, spiralSchema.parse(preset.config));
      expect(runs.length).toBeGreaterThan(1);
      for (const run of runs as readonly SpiralRun[]) {
        expect(run.label).not.toMatch(/undefined|NaN|null/);
        expect(run.weight).toBeGreaterThan(0);
      }
      expect(new Set((runs as readonly SpiralRun[]).map(({ label }) => label)).size).toBe(runs.length);
    },
  );

  it('trains every triple of phase 1 within one shape only', () => {
    const triples = triplesOf({ most: 16, below: null });
    expect(triples).toHaveLength(4096);
    for (const triple of triples) shapeAround(triple).forEach((n, l) => expect(n).toBeGreaterThanOrEqual(triple[l]));
    const [phase] = full.config.structured;
    const blocks = ofKind(plan({ structured: [phase] }), 'structured');
    expect(new Set(blocks.map(({ config }) => String(config.within))).size).toBe(blocks.length);
    expect(sum(blocks)).toBe(24_576);
    expect(triplesOf({ most: 16, below: [3, 3, 3] })).toHaveLength(93);
  });

  it('splits a search into parts of about the asked size', () => {
    const [search] = search95.config.searches;
    const parts = ofKind(plan({ searches: [search], blockRuns: 4096 }), 'masks');
    expect(parts).toHaveLength(Math.ceil(155_952 / 4096));
    expect(parts.map(({ config }) => (config as MasksRunConfig).part.index)).toEqual(parts.map((_, i) => i));
  });

  it('has the winner of phase 1 searched by runs that need all of phase 1', () => {
    const [search] = search95.config.searches;
    const [phase] = tiny.config.structured;
    const runs = plan({ structured: [phase], searches: [{ ...search, widths: 'winner' }] });
    const phase1 = ofKind(runs, 'structured').map(({ id }) => id);
    for (const run of ofKind(runs, 'masks')) expect(run.needs).toEqual(phase1);
  });

  it('goes on from phase 2 and slice by slice; more time adds slices', () => {
    const [search] = full.config.searches.slice(2);
    const { target, initialisation, rates, schedules } = search;
    const some = { ...search, weights: { least: 30, most: 30 } };
    const go = (minutes: number) =>
      plan({
        searches: [some],
        continuation: { target, initialisation, widths: [7, 3, 3], rates, schedules, minutes, sliceMinutes: 5 },
      });
    const [short, long] = [ofKind(go(10), 'continuation'), ofKind(go(20), 'continuation')];
    expect([short.length, long.length]).toEqual([2, 4]);
    expect(long.slice(0, 2).map(({ id }) => id)).toEqual(short.map(({ id }) => id));
    const parts = ofKind(go(10), 'masks').map(({ id }) => id);
    expect(short[1].needs).toEqual([...parts, short[0].id]);
    expect(ofKind(go(7), 'continuation').map(({ config }) => config.seconds)).toEqual([300, 120]);
  });

  it('leaves out budgets that a width has not more weights than, and splits wide networks', () => {
    const [over] = full.config.methods;
    const runs = ofKind(plan({ methods: [{ ...over, methods: ['gmp'] }] }), 'method');
    const budgets = (width: number) =>
      runs.flatMap(({ config }) => ((config as MethodRunConfig).width === width ? config.budgets : [])) as number[];
    expect(budgets(3)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26]);
    expect(Math.max(...budgets(4))).toBe(40);
    expect(budgets(256)).toHaveLength(23);
    expect(runs.filter(({ config }) => (config as MethodRunConfig).width === 16)).toHaveLength(1);
    expect(runs.filter(({ config }) => (config as MethodRunConfig).width === 256)).toHaveLength(23);
  });

  it('names what does not go together', () => {
    const [search] = search95.config.searches;
    expect(() => plan({ structured: [], searches: [{ ...search, widths: 'winner' }] })).toThrow(/phase 1/);
    expect(() => plan({ searches: [{ ...search, weights: { least: 5, most: 6 } }] })).toThrow(/5 to 6 weights/);
    const [own] = tiny.config.methods;
    expect(() => plan({ methods: [{ ...own, budgets: [44] }] })).toThrow(/below the 44 weights of width 4/);
    expect(() => plan({ methods: [{ ...own, initialisation: 'fixed', target: 0.95, widths: [32] }] })).toThrow(/16/);
    expect(() => plan({ methods: [{ ...own, initialisation: 'fixed' }] })).toThrow(/methods.target/);
    expect(() => plan({ searches: [{ ...search, widths: [7, 3, 3] }] })).toThrow(/at most 5000000 masks/);
    const { rows } = tiny.config.reference;
    expect(() => plan({ reference: { seeds: 3, orders: 4, rows } })).toThrow(/reference.orders up to the 3 seeds/);
  });
});
