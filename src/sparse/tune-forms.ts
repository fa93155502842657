import { ArgumentError } from '../gpu/errors.js';
import { scope } from '../tensor/scope.js';
import { type Explanation, explain, onTrial, settle } from './auto.js';
import { median } from './median.js';
import type { SparseWeight } from './sparse-weight.js';

export interface TuneFormsOptions {
  /** Times that every form is measured, in turn. Default 7. */
  rounds?: number;
}

/** Wall time that a sample should take at least, in ms, and most calls in one. */
const SAMPLE_MS = 10;
const MOST_CALLS = 200;

/**
 * Measures every form that the layers of a weight of kind `auto` could take, where the estimates are not good enough:
 * from now on each takes the fastest. The estimates are right to about 15 %, so that near a crossover, and between
 * blocks of several sizes, the form they choose can take half as long again as the best.
 *
 * Steps that were compiled before keep their forms: tune first.
 *
 * @param run runs the layer as it is to be used, its gradients too if these are wanted; it is called many times and must
 * not change anything
 * @returns what was chosen, with the measured times, for each piece of work that the weight did in `run`
 * @throws ArgumentError for a weight of another kind, `run` that does not use it, or rounds that are not a whole number
 * from 1 up
 */
export async function tuneForms(
  sparse: SparseWeight,
  run: () => unknown,
  { rounds = 7 }: TuneFormsOptions = {},
): Promise<Explanation[]> {
  const op = 'tuneForms';
  sparse.assertLive(op);
  if (sparse.kind !== 'auto') throw new ArgumentError(op, 'a weight of kind auto', sparse.kind);
  if (!Number.isInteger(rounds) || rounds < 1) throw new ArgumentError(op, 'rounds from 1 up', String(rounds));
  const call = () => scope(() => void run());
  const works = onTrial(sparse, null, call);
  if (works.length === 0)
    throw new ArgumentError(op, 'a function that runs a layer of this weight', 'one that does not');
  const names = works
    .map((work) => explain(sparse, work).candidates.map((c) => c.name))
    .reduce((common, of) => common.filter((name) => of.includes(name)));

  const sample = async (name: string, calls: number): Promise<number> => {
    await sparse.device.sync();
    const start = performance.now();
    for (let i = 0; i < calls; i++) onTrial(sparse, name, call);
    await sparse.device.sync();
    return (performance.now() - start) / calls;
  };
  const calls = new Map<string, number>();
  for (const name of names) {
    await sample(name, 1); // compiles
    const ms = await sample(name, 2);
    calls.set(name, Math.min(MOST_CALLS, Math.ceil(SAMPLE_MS / Math.max(ms, 0.01))));
  }
  const samples = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) samples.get(name)!.push(await sample(name, calls.get(name)!));
  }
  const ms = new Map([...samples].map(([name, times]) => [name, median(times)]));
  return works.map((work) => settle(sparse, work, ms));
}
