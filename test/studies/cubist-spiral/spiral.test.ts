import { describe, expect, it } from 'vitest';
import { cubistSpiral } from '../../../src/studies/cubist-spiral/spiral.js';

const digits = (values: ArrayLike<number>, places: number) => Array.from(values, (v) => v.toFixed(places));

describe('the Cubist Spiral', () => {
  const { inputs, labels, geometry } = cubistSpiral();

  it('has the published number of points on every segment', () => {
    expect(geometry.counts).toEqual([
      [831, 928, 1025, 1123, 1220, 1318, 1415, 1513, 1610, 1708, 1806, 1903, 2001, 2099, 2197, 2294],
      [609, 734, 860, 987, 1114, 1241, 1369, 1497, 1624, 1752, 1880, 2008, 2137, 2265, 2393, 2521],
    ]);
    expect(inputs.length).toBe(2 * 49_982);
    expect(labels.length).toBe(49_982);
    expect(labels.indexOf(1)).toBe(24_991);
    expect(labels.every((y, i) => y === (i < 24_991 ? 0 : 1))).toBe(true);
  });

  it('has the published geometry, to the printed digits', () => {
    expect(digits(geometry.lengths, 6)).toEqual(['1535.022420', '1169.731833']);
    expect(digits(geometry.mean, 6)).toEqual(['145.140508', '182.722047']);
    expect(digits(geometry.deviation, 6)).toEqual(['86.024522', '82.995038']);
    const first = (c: number) => geometry.vertices[c].slice(0, 3).map((p) => digits(p, 3));
    expect(first(0)).toEqual([
      ['144.460', '119.513'],
      ['195.427', '116.246'],
      ['237.680', '154.545'],
    ]);
    expect(first(1)).toEqual([
      ['153.731', '148.045'],
      ['181.807', '142.976'],
      ['209.148', '163.816'],
    ]);
  });

  it('has the published points, to the printed digits', () => {
    expect(digits(inputs.subarray(0, 2), 6)).toEqual(['0.584557', '-0.800966']);
    expect(digits(inputs.subarray(2, 4), 6)).toEqual(['0.583843', '-0.800918']);
    expect(digits(inputs.subarray(2 * 24_991, 2 * 24_991 + 2), 6)).toEqual(['0.426233', '-0.478896']);
    const column = (k: number) => inputs.filter((_, i) => i % 2 === k).sort();
    for (const [k, least, most] of [
      [0, '-1.6872', '1.7704'],
      [1, '-2.2016', '1.7422'],
    ] as const) {
      const sorted = column(k);
      expect(digits([sorted[0], sorted[sorted.length - 1]], 4)).toEqual([least, most]);
    }
  });
});
