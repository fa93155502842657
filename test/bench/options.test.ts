import { describe, expect, test } from 'vitest';
import { type Options, readOptions } from '../../bench/options.js';
import { suites } from '../../bench/suites.js';

const known = ['spmm', 'topk', 'dense'];
const run = (...args: string[]): Options => {
  const request = readOptions(args, known);
  if (!('run' in request)) throw new Error('expected a run');
  return request.run;
};

describe('the command line', () => {
  test('takes suites by position, by --suite, or all', () => {
    expect(run('topk', 'spmm').suites).toEqual(['topk', 'spmm']);
    expect(run('--suite', 'dense').suites).toEqual(['dense']);
    expect(run('--suite', 'topk', 'topk').suites).toEqual(['topk']);
    expect(run('all').suites).toEqual(known);
    expect(run().suites).toEqual(['dense']);
  });

  test('takes what exists as matrices, which are multiplied where no suite is named', () => {
    const folder = new URL('.', import.meta.url).pathname;
    expect(run(folder)).toMatchObject({ suites: ['spmm'], matrices: [folder], columns: 256 });
    expect(run('topk', folder, '--columns', '12')).toMatchObject({ suites: ['topk'], columns: 12 });
  });

  test('writes beside each other', () => {
    expect(run('spmm', 'topk')).toMatchObject({
      out: 'runs/bench/spmm-topk.json',
      html: 'runs/bench/spmm-topk.html',
    });
    expect(run('all').out).toBe('runs/bench/all.json');
    expect(run('--out', 'x.json').html).toBe('x.html');
    expect(run('--out', 'x', '--html', 'y/z.html')).toMatchObject({ out: 'x', html: 'y/z.html' });
  });

  test('takes two files to compare', () => {
    expect(readOptions(['--compare', 'a', 'b'], known)).toEqual({ compare: ['a', 'b'] });
    expect(() => readOptions(['--compare', 'a'], known)).toThrow('--compare: expected two result files, got 1');
  });

  test.each([
    [['nosuch'], /expected a suite \(spmm, topk, dense\) or a file or folder of matrices, got nosuch/],
    [['--suite', 'nosuch'], /--suite: expected one of spmm, topk, dense, got nosuch/],
    [['--threads', '-1'], /--threads/],
    [['--threads', 'two'], /--threads: expected a whole number >= 0, got two/],
    [['--columns', '0'], /--columns: expected a whole number >= 1, got 0/],
    [['--bogus'], /--bogus/],
  ])('%j is refused', (args, message) => {
    expect(() => readOptions(args, known)).toThrow(message);
  });
});

test('suites are the folders beside the bench, in order, peers and results left out', () => {
  const names = suites();
  expect(names).toContain('spmm');
  expect(names.at(-1)).toBe('dense');
  expect(names).not.toContain('peers');
  expect(names).not.toContain('results');
});
