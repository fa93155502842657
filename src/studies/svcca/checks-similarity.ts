import { share } from '../../report/format.js';
import { type Case, type Check, check } from '../check.js';
import { type Curve, curve, type NetworkAnalysis, SVCCA } from './analyse.js';
import { METHODS, type Method } from './types.js';

const at = (net: NetworkAnalysis, sparsity: number) => `${net.label} at ${share(sparsity)}`;
const similar = (net: NetworkAnalysis, method: Method, sparsity = 0): number | null =>
  curve(net, SVCCA, method, sparsity)?.overall.mean ?? null;
/** The lightest pruning that "at 50 %" means, and the heaviest that "at 95 %" does: 50 and 95 % where there are such. */
const lightest = (net: NetworkAnalysis) => net.sparsities.find((s) => s === 0.5) ?? net.sparsities[0];
const heaviest = (net: NetworkAnalysis) => net.sparsities.find((s) => s === 0.95) ?? net.sparsities.at(-1)!;

export const similarityChecks = (nets: readonly NetworkAnalysis[]): readonly Check[] => [
  identity(nets),
  pruningOnlyFalls(nets),
  pruningOnlyNear(nets),
  fineTuningMoves(nets),
  sparsityMoves(nets),
  betweenFloorAndOne(nets),
  atTheFloor(nets, 'M2', 'Re-initialised (M2) networks are as far from their parent as independent dense ones'),
  atTheFloor(
    nets,
    'M3-uniform',
    'Uniform random sparse (M3) networks are as far from the parent as independent dense ones',
  ),
  atTheFloor(
    nets,
    'M3-matched',
    'Random sparse networks with M1’s layer densities are as far as independent dense ones',
  ),
  rewound(nets),
  ...shapeChecks(nets),
];

function identity(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net): Case[] => {
    const own = net.comparisons.filter((c) => c.a === c.b && c.config.pairs === 'same' && c.config.stage === null);
    const values = own.flatMap((c) => c.layers.map((l) => Math.abs(1 - l.svcca)));
    if (values.length === 0) return [];
    const most = Math.max(...values);
    return [{ where: net.label, values: { 'largest |1 − s|': most }, held: most <= 1e-6 }];
  });
  return check(
    {
      name: 'identity',
      claim: 'A dense network is exactly like itself: s(D, D) = 1',
      rule: 'every layer within 10⁻⁶ of 1',
    },
    evidence,
  );
}

function pruningOnlyFalls(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net): Case[] => {
    const found = net.sparsities.flatMap((s) => {
      const value = similar(net, 'P0', s);
      return value === null ? [] : [[share(s), value] as const];
    });
    if (found.length < 2) return [];
    const held = found.every(([, value], i) => i === 0 || value <= found[i - 1][1] + 0.005);
    return [{ where: net.label, values: Object.fromEntries(found), held }];
  });
  return check(
    {
      name: 'p0-falls',
      claim: 'Pruning alone (P0) takes similarity down as sparsity rises',
      rule: 'mean over layers; no step up by more than 0.005',
    },
    evidence,
  );
}

function pruningOnlyNear(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net) =>
    net.sparsities
      .filter((s) => s <= 0.5)
      .flatMap((s): Case[] => {
        const p0 = similar(net, 'P0', s);
        return p0 === null ? [] : [{ where: at(net, s), values: { P0: p0 }, held: p0 >= 0.9 }];
      }),
  );
  return check(
    {
      name: 'p0-near-1',
      claim: 'Pruning alone changes little up to 50 % sparsity',
      rule: 'mean over layers at least 0.9',
    },
    evidence,
  );
}

function fineTuningMoves(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net): Case[] => {
    if (net.sparsities.length === 0) return [];
    const s = lightest(net);
    const [p0, m1] = [similar(net, 'P0', s), similar(net, 'M1', s)];
    return p0 === null || m1 === null ? [] : [{ where: at(net, s), values: { P0: p0, M1: m1 }, held: p0 > m1 }];
  });
  return check(
    {
      name: 'p0-above-m1',
      claim: 'At 50 % fine-tuning moves a network further from its parent than pruning alone does',
      rule: 's(D, P0) > s(D, M1), mean over layers; at the lightest pruning where 50 % was not run',
    },
    evidence,
  );
}

function sparsityMoves(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net): Case[] => {
    if (net.sparsities.length < 2) return [];
    const [light, heavy] = [lightest(net), heaviest(net)];
    const [a, b] = [similar(net, 'M1', light), similar(net, 'M1', heavy)];
    if (a === null || b === null) return [];
    return [{ where: net.label, values: { [`M1 at ${share(light)}`]: a, [`M1 at ${share(heavy)}`]: b }, held: a > b }];
  });
  return check(
    {
      name: 'm1-falls',
      claim: 'Pruned and fine-tuned at 95 %, a network is further from its parent than at 50 %',
      rule: 's(D, M1 at 50 %) > s(D, M1 at 95 %), mean over layers; of the lightest and heaviest where these were not run',
    },
    evidence,
  );
}

function betweenFloorAndOne(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net) =>
    net.sparsities.flatMap((s): Case[] => {
      const [m1, floor] = [similar(net, 'M1', s), similar(net, 'D')];
      if (m1 === null || floor === null) return [];
      return [{ where: at(net, s), values: { M1: m1, floor }, held: m1 <= 1 && m1 >= floor - 0.01 }];
    }),
  );
  return check(
    {
      name: 'm1-between',
      claim: 'M1 lies between 1 and the floor of independently trained networks',
      rule: 'mean over layers; at most 0.01 below the floor',
    },
    evidence,
  );
}

/** Both sides' spreads together; null where neither was repeated. */
function spread(a: Curve, b: Curve): number | null {
  const [x, y] = [a.overall.sd, b.overall.sd];
  return x === null && y === null ? null : Math.hypot(x ?? 0, y ?? 0);
}

function atTheFloor(nets: readonly NetworkAnalysis[], method: Method, claim: string): Check {
  const evidence = nets.flatMap((net) =>
    net.sparsities.flatMap((s): Case[] => {
      const [own, floor] = [curve(net, SVCCA, method, s), curve(net, SVCCA, 'D')];
      const sd = own && floor ? spread(own, floor) : null;
      if (!own || !floor || sd === null) return [];
      const held = Math.abs(own.overall.mean - floor.overall.mean) <= 2 * sd;
      return [{ where: at(net, s), values: { [method]: own.overall.mean, floor: floor.overall.mean, sd }, held }];
    }),
  );
  return check(
    {
      name: `${method.toLowerCase()}-at-floor`,
      claim,
      rule: 'mean over layers within 2 standard deviations (over seeds, of both together) of s(D, D′)',
    },
    evidence,
  );
}

function rewound(nets: readonly NetworkAnalysis[]): Check {
  const evidence = nets.flatMap((net) =>
    net.sparsities.flatMap((s): Case[] => {
      const [ticket, m2, floor] = [curve(net, SVCCA, 'M1-LT', s), curve(net, SVCCA, 'M2', s), curve(net, SVCCA, 'D')];
      if (!ticket || !m2) return [];
      const sd = floor ? spread(ticket, floor) : null;
      const near = floor && sd !== null && Math.abs(ticket.overall.mean - floor.overall.mean) <= 2 * sd;
      const values = { 'M1-LT': ticket.overall.mean, M2: m2.overall.mean, ...(floor && { floor: floor.overall.mean }) };
      return [{ where: at(net, s), values, held: ticket.overall.mean > m2.overall.mean || near === true }];
    }),
  );
  return check(
    {
      name: 'lottery-ticket',
      claim:
        'Rewound to its first weights (M1-LT), a network comes out nearer its parent than M2, or else at the floor',
      rule: 's(D, M1-LT) > s(D, M2), or within 2 standard deviations of s(D, D′); mean over layers',
    },
    evidence,
  );
}

/** How similarity runs through the layers, in each curve of a retrained network and of the floor. */
function shapeChecks(nets: readonly NetworkAnalysis[]): Check[] {
  const curves = nets.flatMap((net) =>
    METHODS.filter((m) => m !== 'P0').flatMap((method) =>
      (method === 'D' ? [0] : net.sparsities).flatMap((s) => {
        const found = curve(net, SVCCA, method, s);
        const types = new Map(net.layers.map((l) => [l.index, l.type]));
        const where = method === 'D' ? `${net.label}, D′` : `${net.label}, ${method} at ${share(s)}`;
        return found && found.points.length >= 4 ? [{ where, shape: shapeOf(found, types) }] : [];
      }),
    ),
  );
  const rule = 'in at least 90 % of the curves of retrained networks and of D′, with a tolerance of 0.01';
  return [
    check(
      { name: 'first-highest', claim: 'The first layer is the most similar one (output layer aside)', rule },
      curves.map(({ where, shape: { first, middle } }) => {
        const held = first >= middle.highest - 0.01;
        return { where, values: { first, 'highest of the others': middle.highest }, held };
      }),
      0.9,
    ),
    check(
      { name: 'middle-lowest', claim: 'The lowest similarity lies between the first and the last layer', rule },
      curves.map(({ where, shape: { first, middle, last } }) => {
        const held = middle.lowest <= Math.min(first, last) + 0.01;
        return { where, values: { first, lowest: middle.lowest, last }, held };
      }),
      0.9,
    ),
    check(
      {
        name: 'last-rises',
        claim: 'The output layer is more similar again than the layers before it (shared labels)',
        rule,
      },
      curves.flatMap(({ where, shape: { middle, last, logits } }) =>
        logits ? [{ where, values: { lowest: middle.lowest, last }, held: last >= middle.lowest - 0.01 }] : [],
      ),
      0.9,
    ),
  ];
}

function shapeOf({ points }: Curve, types: ReadonlyMap<number, string>) {
  const values = points.map((p) => p.similarity.mean);
  const inner = values.slice(1, -1);
  return {
    first: values[0],
    middle: { lowest: Math.min(...inner), highest: Math.max(...inner) },
    last: values[values.length - 1],
    logits: ['logits', 'linear'].includes(types.get(points[points.length - 1].index) ?? ''),
  };
}
