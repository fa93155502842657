import { count, counted, listed, percent } from '../../../report/format.js';
import { mean } from '../../../report/stats.js';
import type { Answer } from '../../report-sections.js';
import type { Pruner, Target } from '../types.js';
import {
  type Analysis,
  aimLabel,
  type Found,
  type MethodGroup,
  type Search,
  searchFor,
  sparsest,
  sparsestOf,
  TARGETS,
  targetLabel,
} from './analysis.js';
import { type Coverage, masksOf } from './coverage.js';
import { methodLabel } from './series.js';

/** What the records answer; says of everything that is not there that it is not. */
export function answer(study: Analysis, covered: readonly Coverage[]): Answer {
  const group = mainGroup(study);
  const paragraphs = [
    searched(study),
    ...(group ? [compared(study, group)] : []),
    given(study),
    widths(study),
    dead(study),
    left(study, covered),
  ].filter((text) => text !== '');
  return {
    headline: headline(study, group),
    paragraphs:
      paragraphs.length > 0
        ? paragraphs
        : ['It needs networks that the search found, or methods pruned; neither is finished.'],
  };
}

/** The group with random first weights that methods are judged by: width 16, or what comes nearest. */
export const mainGroup = ({ groups }: Analysis): MethodGroup | null =>
  groups
    .filter((g) => g.initialisation === 'random')
    .sort((a, b) => Math.abs(a.width - 16) - Math.abs(b.width - 16) || a.width - b.width)[0] ?? null;

const randomSearch = ({ searches }: Analysis): Search | null =>
  searches.find((s) => s.initialisation === 'random') ?? null;

interface Best {
  readonly method: Pruner;
  readonly weights: number;
  readonly live: number;
}

/** Methods of a group that reach a target, fewest weights first, and those that do not. */
function ranking(group: MethodGroup, target: Target): { reached: Best[]; missed: Pruner[] } {
  const all = group.methods.map((results) => ({ method: results.method, net: sparsestOf(results, target) }));
  const reached = all.flatMap(({ method, net }) => (net ? [{ method, weights: net.weights, live: net.live }] : []));
  reached.sort((a, b) => a.weights - b.weights);
  return { reached, missed: all.filter((r) => !r.net).map((r) => r.method) };
}

function headline(study: Analysis, group: MethodGroup | null): string {
  const search = randomSearch(study);
  const found = search && sparsest(search, 0.95);
  // Of every width: the group that the text dwells on need not be the one with the sparsest network.
  const [best] = study.groups
    .filter((g) => g.initialisation === 'random')
    .flatMap((g) => ranking(g, 0.95).reached)
    .sort((a, b) => a.weights - b.weights);
  const fixed = study.searches.find((s) => s.target === 0.95);
  const foundFixed = fixed ? sparsest(fixed, 0.95) : null;
  if (found && best)
    return best.weights > found.weights
      ? `${found.weights} weights are enough for 95 %; the best pruning method needs ${best.weights}`
      : `Pruning gets by with ${best.weights} weights for 95 %, as few as the search found (${found.weights})`;
  if (found) return `${found.weights} weights are enough for 95 %${group ? '; no pruning method got there' : ''}`;
  if (foundFixed) return `${foundFixed.weights} weights are enough for 95 %, given the right first weights`;
  if (best) return `The best pruning method reaches 95 % with ${best.weights} weights`;
  return study.searches.length + study.groups.length > 0 ? 'Nothing reached 95 %' : 'No answer yet';
}

const size = ({ weights, parameters, trained }: Found): string =>
  `${weights} weights (${parameters} with biases${trained ? '' : ', a dense network'})`;

/** What the search found for each target with random first weights. */
function searched(study: Analysis): string {
  const search = randomSearch(study);
  if (!search) return '';
  const said = TARGETS.map((target) => ({ target, found: sparsest(search, target) }));
  const there = said.flatMap(({ target, found }) => (found ? [`${size(found)} for ${targetLabel(target)}`] : []));
  const not = said.filter((s) => !s.found).map(({ target }) => targetLabel(target));
  const none = not.length > 0 ? ` It has found none for ${listed(not)}.` : '';
  return there.length > 0
    ? `The sparsest networks that the search found from random first weights have ${listed(there)}.${none}`
    : `The search from random first weights has found no network that reaches ${listed(not)}.`;
}

/** How methods of a group do against the search. */
function compared(study: Analysis, group: MethodGroup): string {
  const search = searchFor(study, group);
  const said = TARGETS.map((target) => {
    const { reached, missed } = ranking(group, target);
    const [best] = reached;
    if (!best) return `none of ${counted(group.methods.length, 'method')} reaches ${targetLabel(target)}`;
    const found = search && sparsest(search, target);
    const more = found ? `, ${difference(best.weights - found.weights)} the search` : '';
    const names = listed(reached.filter((r) => r.weights === best.weights).map((r) => methodLabel(r.method)));
    const not = missed.length > 0 ? ` (not reached by ${listed(missed.map(methodLabel))})` : '';
    const verb = reached.filter((r) => r.weights === best.weights).length > 1 ? 'reach' : 'reaches';
    return `${names} ${verb} ${targetLabel(target)} with ${best.weights} weights${more}${not}`;
  });
  return `Of the methods at width ${group.width}: ${said.join('; ')}.`;
}

const difference = (n: number): string => (n === 0 ? 'as many as' : `${Math.abs(n)} ${n > 0 ? 'more' : 'fewer'} than`);

/** What changes with first weights given. */
function given(study: Analysis): string {
  return study.searches
    .filter((s) => s.initialisation === 'fixed')
    .flatMap((search) => {
      const target = search.target!;
      const found = sparsest(search, target);
      if (!found) return [`Given first weights, the search has found no network that reaches ${targetLabel(target)}.`];
      const groups = study.groups.filter((g) => g.initialisation === 'fixed' && g.target === target);
      const methods = groups.map((g) => {
        const [best] = ranking(g, target).reached;
        return best
          ? `${methodLabel(best.method)} with ${best.weights} at width ${g.width}`
          : `no method gets there at width ${g.width}`;
      });
      const best = methods.length > 0 ? `; of the methods, ${listed(methods)}` : '';
      return [`Given the same first weights for all runs, ${size(found)} reach ${targetLabel(target)}${best}.`];
    })
    .join(' ');
}

/** Whether wider networks help the methods, at 95 %. */
function widths({ groups }: Analysis): string {
  const random = groups.filter((g) => g.initialisation === 'random');
  if (random.length < 2) return '';
  const [narrow, wide] = [random.slice(0, -1), random[random.length - 1]];
  const never = Number.POSITIVE_INFINITY;
  const pairs = wide.methods.flatMap(({ method }) => {
    const of = (group: MethodGroup) => {
      const results = group.methods.find((r) => r.method === method);
      return (results && sparsestOf(results, 0.95)?.weights) ?? never;
    };
    const [a, b] = [Math.min(...narrow.map(of)), of(wide)];
    return a < never ? [b - a] : [];
  });
  if (pairs.length === 0) return '';
  const fewer = pairs.filter((d) => d < 0).length;
  const how =
    fewer === 0 ? 'Width did not help' : fewer < pairs.length / 2 ? 'Width helped few methods' : 'Width helped';
  return `${how}: at width ${wide.width}, ${fewer} of ${counted(pairs.length, 'method')} reached 95 % with fewer weights than at any smaller width.`;
}

/** Dead weights at the smallest budgets. */
function dead({ groups }: Analysis): string {
  const cases = groups.flatMap((g) =>
    g.methods.map(({ method, budgets }) => ({ method, budget: budgets[0].budget, dead: budgets[0].deadFraction })),
  );
  if (cases.length === 0) return '';
  const methods = [...new Set(cases.map((c) => c.method))]
    .map((method) => ({ method, dead: mean(cases.filter((c) => c.method === method).map((c) => c.dead)) }))
    .sort((a, b) => a.dead - b.dead);
  const [least, most] = [methods[0], methods[methods.length - 1]];
  const of = ({ method, dead }: (typeof methods)[number]) => `${percent(dead, 0)} (${methodLabel(method)})`;
  const range = methods.length > 1 ? `between ${of(least)} and ${of(most)}` : of(least);
  return `Of the weights that methods keep at their smallest budgets, ${range} lie on no path from an input to the output.`;
}

/** Epochs of the published study. */
const FULL = 50;

/** What the search has not tried: as long as that is something, its numbers may still fall. */
function left(study: Analysis, covered: readonly Coverage[]): string {
  const said: string[] = [];
  if (!randomSearch(study)) said.push('The search from random first weights was not run, or has not finished a part.');
  if (study.epochs !== null && study.epochs < FULL)
    said.push(
      `Networks were trained for ${counted(study.epochs, 'epoch')} where the published study has ${FULL}: this is a trial, not a result.`,
    );
  if (study.groups.length === 0) said.push('No pruning method is finished.');
  const partial = covered.flatMap((c) => {
    const { there, done } = masksOf(c);
    const name = aimLabel(c.search, c.target);
    if (!c.widths) return [`no masks (${name}; phase 1 has no winner yet)`];
    return done < there ? [`${count(done)} of ${count(there)} masks within ${c.widths.join('-')} (${name})`] : [];
  });
  if (partial.length > 0)
    said.push(
      `The search was run in part only, its numbers are the best found so far and may still fall: it has trained ${listed(partial)}.`,
    );
  else if (covered.length > 0) said.push('All masks within the dense winners were trained.');
  return said.join(' ');
}
