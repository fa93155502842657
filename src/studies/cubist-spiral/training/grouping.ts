import { denseParameters, type Widths } from '../enumerate.js';
import { type Neurons, paddedWidths } from './compact.js';

/** Networks that are trained together, in a shape that holds each one's useful neurons. */
export interface Group {
  widths: Widths;
  members: number[];
}

/** What it takes to train groups, in microseconds; of a software device, but only the ratios matter. */
const COST = {
  /** One network's step: fixed, and for each of its parameters. */
  step: 0.4,
  parameter: 0.02,
  /** Networks that take no longer than one: of two threads, eight lanes each. */
  together: 16,
  /** Beyond what the fused kernel holds: for each parameter, and for each step whatever the number of networks. */
  ordinaryParameter: 0.06,
  ordinaryStep: 2000,
  /** Opening a group, reading it and closing it. */
  open: 30_000,
} as const;

/** What a device can do. */
export interface GroupLimits {
  /** Whether the fused kernel holds a shape. */
  fused(widths: Widths): boolean;
  /** Most networks of a shape in a group. */
  capacity(widths: Widths): number;
}

/** Time that a group takes, in microseconds. */
export function groupCost(widths: Widths, members: number, steps: number, fused: boolean): number {
  const dense = denseParameters(widths);
  const parameters = dense.weights + dense.biases;
  if (!fused) return COST.open + steps * (COST.ordinaryStep + members * parameters * COST.ordinaryParameter);
  const taken = Math.ceil(members / COST.together) * COST.together;
  return COST.open + steps * taken * (COST.step + COST.parameter * parameters);
}

/**
 * Groups networks by the shapes that hold them: alike first, then whatever takes less time together than apart. A pure
 * function of its arguments, as results depend on it in their last bits.
 *
 * @param useful neurons of every network
 * @param most units of the layers that they are from
 */
export function groupNetworks(useful: readonly Neurons[], most: Widths, steps: number, limits: GroupLimits): Group[] {
  const byShape = new Map<string, Group>();
  useful.forEach((neurons, m) => {
    const widths = paddedWidths(neurons, most);
    const group = byShape.get(widths.join());
    if (group) group.members.push(m);
    else byShape.set(widths.join(), { widths, members: [m] });
  });
  const groups = [...byShape.values()];
  for (let pair = bestPair(groups, steps, limits); pair; pair = bestPair(groups, steps, limits)) {
    const [a, b] = pair;
    groups[a] = joined(groups[a], groups[b]);
    groups.splice(b, 1);
  }
  return groups.flatMap(({ widths, members }) => {
    const sorted = [...members].sort((a, b) => a - b);
    const parts = Math.max(1, Math.ceil(sorted.length / limits.capacity(widths)));
    const bound = (p: number) => Math.round((p * sorted.length) / parts);
    return Array.from({ length: parts }, (_, p) => ({ widths, members: sorted.slice(bound(p), bound(p + 1)) }));
  });
}

const joined = (a: Group, b: Group): Group => ({
  widths: [0, 1, 2].map((l) => Math.max(a.widths[l], b.widths[l])) as unknown as Widths,
  members: [...a.members, ...b.members],
});

/** The two groups that gain most by being one, or null where none do. */
function bestPair(groups: readonly Group[], steps: number, limits: GroupLimits): [number, number] | null {
  const cost = ({ widths, members }: Group) => groupCost(widths, members.length, steps, limits.fused(widths));
  const alone = groups.map(cost);
  let best: [number, number] | null = null;
  let gain = 0;
  for (let a = 0; a < groups.length; a++)
    for (let b = a + 1; b < groups.length; b++) {
      const saved = alone[a] + alone[b] - cost(joined(groups[a], groups[b]));
      if (saved > gain) [gain, best] = [saved, [a, b]];
    }
  return best;
}
