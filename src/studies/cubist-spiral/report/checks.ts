import { mean } from '../../../report/stats.js';
import { type Case, type Check, check } from '../../check.js';
import { denseParameters, SEARCH_SPACES } from '../enumerate.js';
import { type Initialisation, PRUNERS, type Pruner, type Target } from '../types.js';
import {
  type Analysis,
  aimLabel,
  type MethodGroup,
  type MethodResults,
  type Search,
  searchFor,
  sparsest,
  sparsestOf,
  TARGETS,
  targetLabel,
  winner,
} from './analysis.js';
import { type Coverage, isComplete } from './coverage.js';
import { compareReferences } from './reference-check.js';
import { KNOWN_SPARSEST, LEAST_SEEDS, TOLERANCE } from './reference-table.js';
import { methodLabel } from './series.js';

/** What the published study and an independent trainer lead to expect. */
export const checks = (study: Analysis, covered: readonly Coverage[]): readonly Check[] => [
  referenceRows(study),
  winners(study),
  searchFinds(study, covered, 'random'),
  searchFinds(study, covered, 'fixed'),
  frontierIsLeft(study),
  trainingBeatsStart(study),
  widthDoesNotHelp(study),
  deadWeightsGrow(study),
  givenMaskIsMissed(study),
];

/** Claims about tendencies may fail in one case of four. */
const MOST_CASES = 0.75;

function referenceRows(study: Analysis): Check {
  const evidence = compareReferences(study).flatMap(({ label, passed, distance, measured, seeds }): Case[] =>
    passed === null
      ? []
      : [
          {
            where: label,
            values: { networks: seeds, distance, 'share ≥ 95 %': measured.good, 'share ≥ 99.5 %': measured.perfect },
            held: passed,
          },
        ],
  );
  return check(
    {
      name: 'reference',
      claim: 'Dense networks reach the accuracies that an independent trainer got',
      rule: `shares and quantiles of at least ${LEAST_SEEDS} networks within ${TOLERANCE} of the reference table; 16-16-16 reaches 99.5 % in at least 85 %, 3-3-3 95 % in 0.5 to 5 %, 3-2-2 95 % in at most 0.5 % of them`,
    },
    evidence,
  );
}

const parametersOf = (widths: readonly [number, number, number]): number => {
  const { weights, biases } = denseParameters(widths);
  return weights + biases;
};

function winners(study: Analysis): Check {
  const evidence = SEARCH_SPACES.flatMap(({ target, initialisation, widths }): Case[] => {
    const search = searchFor(study, { initialisation, target });
    if (!search || search.triples.length === 0) return [];
    const best = winner(search, target);
    const known = parametersOf(widths);
    const found = best !== null && best.parameters <= known;
    // As long as the published network is left to try, that none was found says nothing.
    if (!found && !search.triples.some((t) => String(t.widths) === String(widths))) return [];
    const values: Case['values'] = { ...(best && { parameters: best.parameters }), published: known };
    const where = `${aimLabel(search, target)}: ${best ? best.widths.join('-') : 'none'}`;
    return [{ where, values, held: found }];
  });
  return check(
    {
      name: 'winners',
      claim: 'Phase 1 finds dense networks as small as the published ones',
      rule: 'no more parameters than 3-3-3 and 7-3-3 with random first weights, 3-2-2 and 6-3-2 with given ones; testable once one is found, or the published one has been tried',
    },
    evidence,
  );
}

function searchFinds(study: Analysis, covered: readonly Coverage[], initialisation: Initialisation): Check {
  const most = KNOWN_SPARSEST[initialisation];
  const evidence = study.searches
    .filter((s) => s.initialisation === initialisation && s.target !== 0.995)
    .flatMap((search): Case[] => {
      const found = sparsest(search, 0.95);
      const whole = covered.some((c) => c.search === search && c.target === 0.95 && isComplete(c, most));
      // As long as sparse masks are left to try, that none was found says nothing.
      if (!(found && found.weights <= most) && !whole) return [];
      const values: Case['values'] = found ? { weights: found.weights } : { 'masks tried, all up to': most };
      return [{ where: aimLabel(search, 0.95), values, held: found !== null && found.weights <= most }];
    });
  return check(
    {
      name: `search-${initialisation}`,
      claim: `The search finds a network of ${most} weights or fewer for 95 % with ${initialisation === 'random' ? 'random' : 'given'} first weights`,
      rule: `testable once one is found, or all masks of up to ${most} weights have been tried`,
    },
    evidence,
  );
}

/** Fewest weights of the search and of every method of a group; of those that did not get there, the most tried. */
function againstSearch(group: MethodGroup, search: Search, target: Target): Case[] {
  const best = sparsest(search, target);
  if (!best) return [];
  return group.methods.map((results) => {
    const net = sparsestOf(results, target);
    const tried = results.budgets[results.budgets.length - 1].budget;
    const values: Case['values'] = net ? { method: net.weights } : { 'not reached up to': tried };
    return {
      where: `${methodLabel(results.method)}, ${group.label}`,
      values: { search: best.weights, ...values },
      held: net === null || net.weights > best.weights,
    };
  });
}

function frontierIsLeft(study: Analysis): Check {
  const evidence = study.groups
    .filter((g) => g.initialisation === 'random')
    .flatMap((group) => {
      const search = searchFor(study, group);
      return search ? againstSearch(group, search, 0.95) : [];
    });
  return check(
    {
      name: 'frontier-left',
      claim: 'The search reaches 95 % with fewer weights than every method at every width',
      rule: 'fewest weights of the search below those of the method; random first weights',
    },
    evidence,
  );
}

const DURING: readonly Pruner[] = ['gmp', 'lth', 'rigl'];
const BEFORE: readonly Pruner[] = ['snip', 'grasp', 'synflow'];

function trainingBeatsStart(study: Analysis): Check {
  const evidence = study.groups
    .filter((g) => g.initialisation === 'random')
    .flatMap((group): Case[] => {
      const fewest = (methods: readonly Pruner[]) => {
        const own = group.methods.filter((r) => methods.includes(r.method));
        return own.length === 0 ? null : Math.min(...own.map((r) => sparsestOf(r, 0.95)?.weights ?? NEVER));
      };
      const [during, before] = [fewest(DURING), fewest(BEFORE)];
      if (during === null || before === null || (during === NEVER && before === NEVER)) return [];
      const values = {
        ...(during < NEVER && { 'while training': during }),
        ...(before < NEVER && { before }),
      };
      return [{ where: group.label, values, held: during < before }];
    });
  return check(
    {
      name: 'training-beats-start',
      claim: 'Methods that prune while training do better than those that prune before',
      rule: `the best of GMP, LTH and RigL reaches 95 % with fewer weights than the best of SNIP, GraSP and SynFlow, in three of four widths`,
    },
    evidence,
    MOST_CASES,
  );
}

const NEVER = Number.POSITIVE_INFINITY;

function widthDoesNotHelp(study: Analysis): Check {
  const groups = study.groups.filter((g) => g.initialisation === 'random');
  const evidence = TARGETS.flatMap((target) =>
    PRUNERS.flatMap((method): Case[] => {
      const found = groups.flatMap(({ width, methods }) => {
        const results = methods.find((r) => r.method === method);
        return results ? [{ width, weights: sparsestOf(results, target)?.weights ?? NEVER }] : [];
      });
      if (found.length < 2) return [];
      const widest = found[found.length - 1];
      const narrower = found.slice(0, -1).reduce((a, b) => (b.weights < a.weights ? b : a));
      // Too narrow to learn it is no reason to say that width helps.
      if (narrower.weights === NEVER) return [];
      const values = [narrower, widest].map(({ width, weights }) => ({
        ...(weights < NEVER && { [`width ${width}`]: weights }),
      }));
      return [
        {
          where: `${methodLabel(method)}, ${targetLabel(target)}, width ${widest.width} against narrower`,
          values: { ...values[0], ...values[1] },
          held: widest.weights >= narrower.weights,
        },
      ];
    }),
  );
  return check(
    {
      name: 'width',
      claim: 'Methods do not get by with fewer weights in wider networks',
      rule: 'fewest weights at the widest width not below the fewest at narrower ones, where these reach the target; in three of four methods and targets',
    },
    evidence,
    MOST_CASES,
  );
}

function deadWeightsGrow(study: Analysis): Check {
  const evidence = study.groups.flatMap((group) =>
    group.methods
      .filter((r) => r.budgets.length > 1)
      .map((results): Case => {
        const [few, many] = deadHalves(results);
        const values = { 'small budgets': few, 'large budgets': many };
        return { where: `${methodLabel(results.method)}, ${group.label}`, values, held: few > many };
      }),
  );
  return check(
    {
      name: 'dead-grow',
      claim: 'The share of dead weights grows as fewer are kept',
      rule: 'mean dead fraction over the smaller half of the budgets above that over the larger half, in three of four cases',
    },
    evidence,
    MOST_CASES,
  );
}

/** Mean dead fractions of the smaller and of the larger half of the budgets; the middle one is in neither. */
function deadHalves({ budgets }: MethodResults): [few: number, many: number] {
  const half = Math.floor(budgets.length / 2);
  const over = (part: typeof budgets) => mean(part.map((b) => b.deadFraction));
  return [over(budgets.slice(0, half)), over(budgets.slice(budgets.length - half))];
}

function givenMaskIsMissed(study: Analysis): Check {
  const evidence = study.groups
    .filter((g) => g.initialisation === 'fixed')
    .flatMap((group) => {
      const search = searchFor(study, group);
      return search ? againstSearch(group, search, group.target!) : [];
    });
  return check(
    {
      name: 'given-mask-missed',
      claim: 'Given first weights from which a sparse network can be trained, methods still miss its mask',
      rule: 'fewest weights of the method above those of the search with the same first weights, for their target',
    },
    evidence,
  );
}
