import { describe, expect, it } from 'vitest';
import { csv } from '../../src/report/csv.js';
import {
  counted,
  duration,
  fixed,
  listed,
  percent,
  percentSpread,
  points,
  share,
  times,
  withInterval,
} from '../../src/report/format.js';
import { estimate, standardDeviation, tQuantile } from '../../src/report/stats.js';

const of = (...values: number[]) => values.map((value, i) => ({ group: String(i), value }));

describe('estimates', () => {
  it('give mean, spread and the t interval of independent values', () => {
    // sd of 1, 2, 3, 4 is sqrt(5/3) = 1.2910; the half width 3.18244631 * 1.2910 / 2 = 2.0543.
    const e = estimate(of(1, 2, 3, 4))!;
    expect(e).toMatchObject({ n: 4, groups: 4, mean: 2.5 });
    expect(e.sd).toBeCloseTo(1.29099, 5);
    expect(e.low).toBeCloseTo(0.44574, 4);
    expect(e.high).toBeCloseTo(4.55426, 4);
  });

  it('average the values of a group first, and count groups for the interval', () => {
    const e = estimate([
      { group: 'a', value: 0 },
      { group: 'a', value: 0.2 },
      { group: 'b', value: 0.3 },
    ])!;
    // Groups' means 0.1 and 0.3: mean 0.2, sd 0.1414, half width 12.7062 * 0.1.
    expect(e).toMatchObject({ n: 3, groups: 2 });
    expect(e.mean).toBeCloseTo(0.2, 12);
    expect(e.high! - e.mean).toBeCloseTo(1.270620474, 8);
  });

  it('have no interval of one group, no spread of one value, and are nothing of none', () => {
    expect(estimate([])).toBeNull();
    expect(estimate(of(0.5))).toEqual({ n: 1, groups: 1, mean: 0.5, sd: null, low: null, high: null });
    const twins = estimate([
      { group: 'a', value: 1 },
      { group: 'a', value: 3 },
    ])!;
    expect(twins).toMatchObject({ groups: 1, mean: 2, low: null });
    expect(twins.sd).toBeCloseTo(Math.SQRT2, 12);
    expect(standardDeviation([1])).toBeNull();
  });

  it("quantiles of Student's t join the table to the expansion", () => {
    expect(tQuantile(1)).toBeCloseTo(12.7062, 4);
    expect(tQuantile(30)).toBeCloseTo(2.042272, 6);
    expect(tQuantile(31)).toBeCloseTo(2.039513, 5);
    expect(tQuantile(100)).toBeCloseTo(1.983972, 5);
    expect(tQuantile(1e6)).toBeCloseTo(1.959966, 5);
  });
});

it('numbers are written as people read them', () => {
  expect([share(0.9), share(0.985), percent(0.91372), percent(null)]).toEqual(['90 %', '98.5 %', '91.4 %', '–']);
  expect([points(-0.012), points(0.004), fixed(-0.5, 2), times(8.06), times(50)]).toEqual([
    '−1.2',
    '+0.4',
    '−0.50',
    '8.1×',
    '50×',
  ]);
  expect(percentSpread(estimate(of(0.9, 0.92)))).toBe('91.0 ± 1.4 %');
  expect(percentSpread(estimate(of(0.9)))).toBe('90.0 %');
  expect(withInterval(estimate(of(1, 2, 3, 4)))).toBe('2.50 [0.45, 4.55]');
  expect(withInterval(null)).toBe('–');
  expect([counted(1, 'run'), counted(3, 'run'), listed(['a', 'b', 'c'])]).toEqual(['one run', '3 runs', 'a, b and c']);
  expect([duration(47), duration(200), duration(7500)]).toEqual(['47 s', '3 min 20 s', '2 h 05 min']);
});

it('rows become comma-separated values, quoted where they must be', () => {
  const text = csv([
    { name: 'a, "b"', mean: 0.5 },
    { name: 'c', sd: null, mean: 1 },
  ]);
  expect(text).toBe('name,mean,sd\r\n"a, ""b""",0.5,\r\nc,1,\r\n');
});
