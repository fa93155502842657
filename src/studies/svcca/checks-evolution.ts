import { share } from '../../report/format.js';
import { mean } from '../../report/stats.js';
import type { Json } from '../../store/record.js';
import { type Case, type Check, check } from '../check.js';
import { type NetworkAnalysis, type NetworkRun, SVCCA, stable } from './analyse.js';
import { trajectory } from './trajectory.js';
import { evolution, evolutionOf, floorFinder } from './verdict.js';

export const evolutionChecks = (nets: readonly NetworkAnalysis[]): readonly Check[] => [
  growsWithSparsity(nets),
  growsWithEpochs(nets),
  growsWithRate(nets),
  tinyRate(nets),
];

function growsWithSparsity(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net): Case[] => {
    const found = net.sparsities.flatMap((s) => {
      const e = evolution(net, SVCCA, s);
      return e ? [[share(s), e.value.mean] as const] : [];
    });
    if (found.length < 2) return [];
    const steps = found.every(([, value], i) => i === 0 || value >= found[i - 1][1] - 0.02);
    const held = steps && found[found.length - 1][1] > found[0][1];
    return [{ where: net.label, values: Object.fromEntries(found), held }];
  });
  return check(
    {
      name: 'evo-sparsity',
      claim: 'Evolution grows with sparsity',
      rule: 'larger at the highest sparsity than at the lowest; no step down by more than 0.02',
    },
    evidence,
  );
}

function growsWithEpochs(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net) =>
    net.sparsities.flatMap((s): Case[] => {
      const moments = trajectory(net, SVCCA, s).filter((m) => m.evolution !== null);
      const last = moments[moments.length - 1];
      const begun = moments.find((m) => m.round === last?.round);
      if (!begun || begun.epoch >= last.epoch) return [];
      const values = { [`epoch ${begun.epoch}`]: begun.evolution!.mean, [`epoch ${last.epoch}`]: last.evolution!.mean };
      return [
        { where: `${net.label} at ${share(s)}`, values, held: last.evolution!.mean >= begun.evolution!.mean - 0.005 },
      ];
    }),
  );
  return check(
    {
      name: 'evo-epochs',
      claim: 'Evolution grows with the length of fine-tuning',
      rule: 'from just after the last pruning to the end of its fine-tuning, no fall by more than 0.005',
    },
    evidence,
  );
}

/** Networks fine-tuned by recipes that differ in the learning rate alone, slowest first. */
interface Rate {
  readonly net: NetworkAnalysis;
  readonly sparsity: number;
  readonly rates: readonly { readonly rate: number; readonly evolution: number; readonly guard: boolean }[];
}

function rates(nets: readonly NetworkAnalysis[]): Rate[] {
  return nets.flatMap((net) => {
    const floors = floorFinder(net, SVCCA);
    const runs = [...net.runs, ...net.variants].filter((r) => r.config.method === 'M1');
    return net.sparsities.map((sparsity): Rate => {
      const measured = runs
        .filter((r) => r.config.sparsity === sparsity)
        .flatMap((run) => {
          const comparison = net.comparisons.find(
            (c) => c.b === run && c.config.pairs === 'same' && c.config.view === 'positions' && c.config.stage === null,
          );
          const value = comparison && floors.curve ? evolutionOf(comparison, SVCCA, floors) : null;
          const rate = fineTuningRate(run);
          return value === null || rate === null
            ? []
            : [{ rate, value, rest: otherThanRates(run.config.recipe), guard: run.config.variant !== null }];
        });
      const rest = measured[0]?.rest;
      const alike = measured.filter((m) => m.rest === rest);
      const distinct = [...new Set(alike.map((m) => m.rate))].sort((a, b) => a - b);
      return {
        net,
        sparsity,
        rates: distinct.map((rate) => ({
          rate,
          evolution: mean(alike.filter((m) => m.rate === rate).map((m) => m.value)),
          guard: alike.some((m) => m.rate === rate && m.guard),
        })),
      };
    });
  });
}

/** The largest learning rate that a run's history shows; null without a history. */
function fineTuningRate(run: NetworkRun): number | null {
  const all = run.result.history.map((h) => h.learningRate);
  return all.length === 0 ? null : Math.max(...all);
}

/** A recipe without its numbers named as learning rates, so that recipes that differ in nothing else are equal. */
function otherThanRates(recipe: Json): string {
  const strip = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(strip);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !/^(lr|rate|learning_?rate)/i.test(key))
        .map(([key, v]) => [key, strip(v)]),
    );
  };
  return stable(strip(recipe));
}

function growsWithRate(nets: readonly NetworkAnalysis[]): Check {
  const evidence = rates(nets).flatMap(({ net, sparsity, rates }): Case[] => {
    if (rates.length < 2) return [];
    const values = Object.fromEntries(rates.map((r) => [`rate ${r.rate}`, r.evolution]));
    const held = rates[rates.length - 1].evolution > rates[0].evolution;
    return [{ where: `${net.label} at ${share(sparsity)}`, values, held }];
  });
  return check(
    {
      name: 'evo-rate',
      claim: 'Evolution grows with the learning rate of fine-tuning',
      rule: 'larger at the highest rate run than at the lowest, in recipes that differ in nothing else',
    },
    evidence,
  );
}

/** Runs that guard the others go no faster than this. */
const TINY_RATE = 1e-3;

function tinyRate(nets: readonly NetworkAnalysis[]): Check {
  const evidence = rates(nets).flatMap(({ net, sparsity, rates }): Case[] => {
    const tiny = rates.find((r) => r.guard && r.rate <= TINY_RATE);
    if (!tiny || sparsity > 0.5) return [];
    const values = { rate: tiny.rate, evo: tiny.evolution };
    return [{ where: `${net.label} at ${share(sparsity)}`, values, held: tiny.evolution <= 0.1 }];
  });
  return check(
    {
      name: 'evo-tiny-rate',
      claim: 'Fine-tuned at a very small learning rate, a lightly pruned network hardly evolves',
      rule: `evo at most 0.1 in a run made for this, at a rate of at most ${TINY_RATE} and up to 50 % sparsity`,
    },
    evidence,
  );
}
