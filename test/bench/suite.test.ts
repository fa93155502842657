import { expect, test } from 'vitest';
import { runSuite } from '../../bench/suite.js';

const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

test('jobs run once each, in order, and failures of both kinds do not stop the others', async () => {
  const calls: string[] = [];
  const lines: string[] = [];
  const job = (name: string, run: () => readonly number[] | Promise<readonly number[]>) => ({
    name,
    run: () => {
      calls.push(name);
      return run();
    },
  });
  const errors = await runSuite(
    'test',
    [
      job('instant', () => [0.5]),
      job('throws', () => {
        throw new Error('at once');
      }),
      job('slow', async () => {
        await wait(30);
        return [0.01, 0.01, 0.01];
      }),
      job('rejects', async () => {
        await wait(1);
        throw new Error('later');
      }),
      job('not an error', () => Promise.reject('a text')),
      job('last', async () => [0.25, 0.75]),
    ],
    (line) => lines.push(line),
  );
  expect(calls).toEqual(['instant', 'throws', 'slow', 'rejects', 'not an error', 'last']);
  expect([...errors].map(([name, e]) => `${name}: ${e.message}`)).toEqual([
    'throws: at once',
    'rejects: later',
    'not an error: a text',
  ]);
  expect(lines).toEqual([
    'instant x 2.00 ops/sec ±0.00% (1 run sampled)',
    'throws: at once',
    'slow x 100 ops/sec ±0.00% (3 runs sampled)',
    'rejects: later',
    'not an error: a text',
    expect.stringMatching(/^last x 2\.00 ops\/sec ±98\.00% \(2 runs sampled\)$/),
  ]);
});
