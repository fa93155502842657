import { counted, fixed, interval, listed, points, share } from '../../report/format.js';
import { mean } from '../../report/stats.js';
import type { Answer } from '../report-sections.js';
import { accuracy, type Lens, lensesFor, type NetworkAnalysis, SVCCA } from './analyse.js';
import type { Method } from './types.js';
import { type Evolution, evolution } from './verdict.js';

/** How an evo is called, up to which value. */
const NAMES: readonly (readonly [below: number, headline: string, words: string])[] = [
  [0.15, 'Compression', 'almost their parents’'],
  [0.4, 'More compression than evolution', 'closer to their parents’ than to unrelated networks’'],
  [0.6, 'Half compression, half evolution', 'about half-way between their parents’ and unrelated networks’'],
  [0.85, 'More evolution than compression', 'closer to unrelated networks’ than to their parents’'],
  [Number.POSITIVE_INFINITY, 'Evolution', 'about as far from their parents’ as unrelated networks’ are'],
];
const kindOf = (evo: number) => NAMES.findIndex(([below]) => evo < below);

interface Found {
  readonly net: NetworkAnalysis;
  readonly evolution: Evolution;
}

const found = (nets: readonly NetworkAnalysis[], lens: Lens, sparsity: number): Found[] =>
  nets.flatMap((net) => {
    const e = evolution(net, lens, sparsity);
    return e ? [{ net, evolution: e }] : [];
  });

/** The sparsity that the answer is given at: of those with a verdict, the one nearest to 90 %. */
function reference(nets: readonly NetworkAnalysis[]): number | null {
  const sparsities = [...new Set(nets.flatMap((net) => net.sparsities))].filter(
    (s) => found(nets, SVCCA, s).length > 0,
  );
  return sparsities.sort((a, b) => Math.abs(a - 0.9) - Math.abs(b - 0.9) || a - b)[0] ?? null;
}

export function answer(nets: readonly NetworkAnalysis[]): Answer {
  const sparsity = reference(nets);
  if (sparsity === null)
    return {
      headline: 'No answer yet',
      paragraphs: [
        'The verdict needs fine-tuned pruned networks (M1) and dense networks of other seeds (D′) compared with their parents; none of these are finished.',
      ],
    };
  const at = found(nets, SVCCA, sparsity);
  return {
    headline: headline(at),
    paragraphs: [
      verdict(at, sparsity),
      certainty(at),
      measures(nets, sparsity),
      withSparsity(nets),
      kept(nets, sparsity),
      random(nets, sparsity),
      structure(nets, sparsity),
    ].filter((text) => text !== ''),
  };
}

function headline(at: readonly Found[]): string {
  const kinds = at.map((f) => kindOf(f.evolution.value.mean));
  const [least, most] = [Math.min(...kinds), Math.max(...kinds)];
  if (most - least > 1)
    return `It depends on the network: from “${lower(NAMES[least][1])}” to “${lower(NAMES[most][1])}”`;
  const middle = NAMES[kindOf(mean(at.map((f) => f.evolution.value.mean)))][1];
  return at.some((f) => !decided(f.evolution)) ? `${middle}, as far as so few seeds can tell` : middle;
}

const lower = (text: string) => text[0].toLowerCase() + text.slice(1);

/** Intervals wider than this reach over several of the names. */
const WIDEST = 0.3;

const decided = ({ value: { low, high } }: Evolution): boolean => low !== null && high !== null && high - low <= WIDEST;

function verdict(at: readonly Found[], sparsity: number): string {
  const evo = mean(at.map((f) => f.evolution.value.mean));
  const each =
    at.length > 1 ? ` (${listed(at.map((f) => `${f.net.label}: ${fixed(f.evolution.value.mean, 2)}`))})` : '';
  const who = at.length > 1 ? 'the networks' : `networks of ${at[0].net.label}`;
  return `Pruned to ${share(sparsity)} sparsity in rounds and fine-tuned, ${who} went ${fixed(evo, 2)} of the way from the dense parent (0) to an independently trained dense network (1)${each}: their representations are ${NAMES[kindOf(evo)][2]}. This is by SVCCA, averaged over layers.`;
}

function certainty(at: readonly Found[]): string {
  const single = at.filter((f) => f.evolution.value.low === null);
  if (single.length === at.length)
    return 'All of this comes from one parent a network, so there is no interval: take it as one example, not as a finding.';
  const open = at.filter((f) => f.evolution.value.low !== null && !decided(f.evolution));
  const parents = Math.min(...at.map((f) => f.evolution.value.groups));
  const ranges = listed(
    at.flatMap((f) => (f.evolution.value.low === null ? [] : [`${interval(f.evolution.value)} for ${f.net.label}`])),
  );
  const start = `The 95 % intervals, over as few as ${counted(parents, 'parent')} a network, are ${ranges}`;
  return open.length > 0
    ? `${start}: too wide to rule out another answer for ${listed(open.map((f) => f.net.label))}. More parents would narrow them.`
    : `${start}, which leaves the answer standing.`;
}

function measures(nets: readonly NetworkAnalysis[], sparsity: number): string {
  const by = lensesFor(nets).flatMap((lens) => {
    const values = found(nets, lens, sparsity).map((f) => f.evolution.value.mean);
    return values.length > 0 ? [{ label: lens.label, evo: mean(values) }] : [];
  });
  if (by.length < 2) return '';
  by.sort((a, b) => a.evo - b.evo);
  const [low, high] = [by[0], by[by.length - 1]];
  const range = `from ${fixed(low.evo, 2)} (${low.label}) to ${fixed(high.evo, 2)} (${high.label})`;
  return high.evo - low.evo <= 0.15
    ? `All ${by.length} measures roughly agree: averaged over networks they put it ${range}.`
    : `The measure matters: averaged over networks the figure goes ${range}, so the answer is one about representations as SVCCA sees them.`;
}

function withSparsity(nets: readonly NetworkAnalysis[]): string {
  const steps = nets.flatMap((net) => {
    const values = net.sparsities.flatMap((s) => evolution(net, SVCCA, s) ?? []);
    const [first, last] = [values[0], values[values.length - 1]];
    return values.length > 1 ? [{ net, first, last }] : [];
  });
  if (steps.length === 0) return '';
  const said = steps.map(
    ({ net, first, last }) =>
      `${net.label} from ${fixed(first.value.mean, 2)} at ${share(first.sparsity)} to ${fixed(last.value.mean, 2)} at ${share(last.sparsity)}`,
  );
  const rising = steps.filter(({ first, last }) => last.value.mean > first.value.mean).length;
  const how =
    rising === steps.length
      ? 'Sparser networks went further'
      : rising === 0
        ? 'Sparser networks did not go further'
        : 'Sparser networks went further in some cases only';
  return `${how}: ${listed(said)}.`;
}

/** Differences of mean accuracies, network by network, as text. */
function differences(nets: readonly NetworkAnalysis[], a: Method, b: Method, sparsity: number) {
  return nets.flatMap((net) => {
    const [x, y] = [accuracy(net, a, a === 'D' ? 0 : sparsity), accuracy(net, b, b === 'D' ? 0 : sparsity)];
    return x && y ? [{ by: x.mean - y.mean, text: `${points(x.mean - y.mean)} for ${net.label}` }] : [];
  });
}

function kept(nets: readonly NetworkAnalysis[], sparsity: number): string {
  const found = differences(nets, 'M1', 'D', sparsity);
  if (found.length === 0) return '';
  const similar = found.every((f) => f.by >= -0.01);
  return `Accuracy meanwhile ${similar ? 'stayed within a point of the dense parents’ or above it' : 'did not stay the same everywhere'} (points against dense at ${share(sparsity)}: ${listed(found.map((f) => f.text))}).`;
}

function random(nets: readonly NetworkAnalysis[], sparsity: number): string {
  const found = differences(nets, 'M3-uniform', 'M1', sparsity);
  if (found.length === 0) return '';
  const worst = Math.min(...found.map((f) => f.by));
  const how =
    worst >= -0.01
      ? 'keep up with pruned ones to a point'
      : worst >= -0.035
        ? 'come within a few points of pruned ones'
        : 'fall behind pruned ones';
  return `Networks with random masks from the start (M3 uniform) ${how} (points against M1: ${listed(found.map((f) => f.text))}).`;
}

function structure(nets: readonly NetworkAnalysis[], sparsity: number): string {
  const pairs = (['M3-matched', 'M3-shuffled'] as const).flatMap((m) => differences(nets, m, 'M2', sparsity));
  if (pairs.length === 0) return '';
  const [least, most] = [Math.min(...pairs.map((p) => p.by)), Math.max(...pairs.map((p) => p.by))];
  const how =
    least >= -0.01 - 1e-9 && most <= 0.01 + 1e-9
      ? 'did not matter'
      : most < -0.01
        ? 'mattered'
        : least > -0.01
          ? 'did not help'
          : 'cannot be said from these runs to matter or not';
  const range = pairs.length === 1 ? points(least) : `${points(least)} to ${points(most)}`;
  return `Which weights the pruned masks kept, apart from how many in each layer, ${how}: random and shuffled masks with the same densities gave ${range} points against re-initialised M2 networks.`;
}
