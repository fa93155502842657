import { share } from '../../report/format.js';
import { type Case, type Check, check } from '../check.js';
import { accuracy, type NetworkAnalysis } from './analyse.js';

export const accuracyChecks = (nets: readonly NetworkAnalysis[]): readonly Check[] => [
  structureDoesNotMatter(nets, 'M3-matched', 'M1’s densities of layers'),
  structureDoesNotMatter(nets, 'M3-shuffled', 'M1’s mask shuffled within layers'),
  uniformIsWorse(nets),
  randomIsReasonable(nets),
];

/** Accuracies in a check's evidence are in percentage points, so that "within one point" can be read off. */
const inPoints = (x: number) => 100 * x;

function structureDoesNotMatter(
  nets: readonly NetworkAnalysis[],
  method: 'M3-matched' | 'M3-shuffled',
  mask: string,
): Check {
  const evidence = nets.flatMap((net) =>
    net.sparsities.flatMap((s): Case[] => {
      const [m2, m3] = [accuracy(net, 'M2', s), accuracy(net, method, s)];
      if (!m2 || !m3) return [];
      const values = { 'M2 %': inPoints(m2.mean), [`${method} %`]: inPoints(m3.mean) };
      return [{ where: `${net.label} at ${share(s)}`, values, held: Math.abs(m2.mean - m3.mean) <= 0.01 + 1e-9 }];
    }),
  );
  return check(
    {
      name: `structure-${method.slice(3)}`,
      claim: `The structure found by pruning is not needed: a random mask with ${mask} does as well as M2`,
      rule: 'mean accuracies at the same sparsity within 1 point',
    },
    evidence,
  );
}

function uniformIsWorse(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net) =>
    net.sparsities
      .filter((s) => s >= 0.95)
      .flatMap((s): Case[] => {
        const [uniform, matched] = [accuracy(net, 'M3-uniform', s), accuracy(net, 'M3-matched', s)];
        if (!uniform || !matched) return [];
        const values = { 'M3-uniform %': inPoints(uniform.mean), 'M3-matched %': inPoints(matched.mean) };
        return [{ where: `${net.label} at ${share(s)}`, values, held: uniform.mean < matched.mean }];
      }),
  );
  return check(
    {
      name: 'uniform-worse',
      claim: 'From 95 % on, uniform random masks do worse than ones with M1’s densities of layers',
      rule: 'mean accuracy of M3-uniform below that of M3-matched',
    },
    evidence,
  );
}

function randomIsReasonable(nets: readonly NetworkAnalysis[]): Check {
  const allowed = (s: number) => (s <= 0.75 ? 0.01 : 0.035);
  const evidence = nets.flatMap((net) =>
    net.sparsities
      .filter((s) => s >= 0.5 && s <= 0.9)
      .flatMap((s): Case[] => {
        const [dense, random] = [accuracy(net, 'D'), accuracy(net, 'M3-uniform', s)];
        if (!dense || !random) return [];
        const values = { 'D %': inPoints(dense.mean), 'M3-uniform %': inPoints(random.mean) };
        return [{ where: `${net.label} at ${share(s)}`, values, held: dense.mean - random.mean <= allowed(s) + 1e-9 }];
      }),
  );
  return check(
    {
      name: 'random-reasonable',
      claim: 'Networks that are sparse from the start reach reasonably good accuracy',
      rule: 'M3-uniform at most 1 point below dense up to 75 % sparsity, at most 3.5 points up to 90 %',
    },
    evidence,
  );
}
