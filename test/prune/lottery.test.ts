import { describe, expect, it } from 'vitest';
import {
  type LotteryOptions,
  lotteryTickets,
  type PruneResult,
  planDensities,
  reinitialise,
  type Ticket,
} from '../../src/prune/index.js';
import { train } from '../../src/train/index.js';
import { testDevice } from '../support/device.js';
import { SEED } from '../support/random.js';
import { STEPS_AN_EPOCH, training } from './sparse-training.js';

const t = testDevice();
type Values = Float32Array;

/** A search whose beginnings of levels, ends and masks are noted. */
async function search(setting: ReturnType<typeof training>, options: Partial<LotteryOptions> = {}) {
  const model = setting.model();
  const { rewindTo = 0 } = options;
  const starts: Values[] = [];
  const momenta: Values[] = [];
  const ends: Values[] = [];
  const masks: Values[] = [];
  const tickets: Ticket[] = [];
  let optimiser: ReturnType<typeof setting.optimiser>;
  const read = async (x: { data(): Promise<ArrayLike<number>> }) => (await x.data()) as Values;
  const last = await lotteryTickets(model, {
    levels: 3,
    optimiser: () => (optimiser = setting.optimiser(model)),
    loader: setting.loader,
    train: {
      epochs: 2,
      between: {
        every: 1,
        run: async (step) => {
          if (step !== rewindTo) return;
          starts.push(await read(model.parameters.flat));
          momenta.push(await read(optimiser.slots[0]));
        },
      },
    },
    onLevel: async (ticket) => {
      ends.push(await read(model.parameters.flat));
      if (ticket.pruned) masks.push(await read(ticket.pruned.mask));
      tickets.push({ ...ticket });
    },
    ...options,
  });
  return { model, last: last as PruneResult, starts, momenta, ends, masks, tickets };
}

describe(`lottery tickets (seed ${SEED})`, () => {
  it.each([0, 4, STEPS_AN_EPOCH])('of rewinding to step %i', async (rewindTo) => {
    const setting = training(t.device, `lottery ${rewindTo}`);
    const found = await search(setting, { rewindTo });

    // (i) Level 0 is the dense run, to the byte.
    const dense = setting.model();
    const result = await train(dense, setting.optimiser(dense), setting.loader(), { epochs: 2 });
    expect(await dense.parameters.flat.data()).toEqual(found.ends[0]);
    expect(found.tickets[0].result).toEqual(result);
    expect(found.tickets[0].pruned).toBe(null);

    // (ii) What survives begins each level with the values of the rewind point, and without momentum.
    expect(found.starts).toHaveLength(4);
    found.masks.forEach((mask, l) => {
      expect(found.starts[l + 1]).toEqual(found.starts[0].map((w, i) => (mask[i] ? w : 0)));
      expect(found.momenta[l + 1].every((v) => v === 0)).toBe(true);
      expect(found.ends[l + 1].every((w, i) => mask[i] === 1 || Object.is(w, 0))).toBe(true);
    });

    // (iii) Masks are nested.
    for (const l of [1, 2]) expect(found.masks[l].every((m, i) => m <= found.masks[l - 1][i])).toBe(true);

    // (iv) Densities fall as 0.8^l, and the smallest go.
    for (const { level, pruned } of found.tickets.slice(1)) {
      expect(pruned!.kept).toBe(Math.round(pruned!.total * 0.8 ** level));
      expect(Math.abs(pruned!.kept / pruned!.total - 0.8 ** level)).toBeLessThan(1e-3);
    }
    const gone = Array.from(found.masks[0]).flatMap((m, i) =>
      m === 0 && found.ends[0][i] !== 0 ? [Math.abs(found.ends[0][i])] : [],
    );
    const cut = Math.max(...gone);
    for (const { name } of found.last.layers) {
      const at = found.model.parameters.offset(name);
      for (let i = at; i < at + found.model.parameters.get(name).size; i++)
        if (found.masks[0][i]) expect(Math.abs(found.ends[0][i])).toBeGreaterThanOrEqual(cut);
    }
    for (const ticket of found.tickets) {
      expect(ticket.result.step).toBe(2 * STEPS_AN_EPOCH);
      expect(ticket.result.history.map((e) => e.epoch)).toEqual([1, 2]);
      expect(ticket.collapsed).toEqual([]);
    }
    expect(await found.last.mask.data()).toEqual(found.masks[2]);
    found.last.mask.dispose();
    setting.dispose();
  });

  it('train on the same batches as the dense network: a level that removes nothing ends as level 0 did', async () => {
    const setting = training(t.device, 'lottery order');
    const plan = () => planDensities(setting.model().parameters, { '*': 1 });
    const from = await search(setting, { levels: 1, plan });
    expect(from.ends[1]).toEqual(from.ends[0]);
    from.last.mask.dispose();
    setting.dispose();
  });

  it('have a control whose weights are drawn anew under the same mask', async () => {
    const setting = training(t.device, 'lottery control');
    const found = await search(setting, { levels: 1, share: 0.5 });
    reinitialise(found.model, found.last, { seed: 99 });
    const fresh = await found.model.parameters.flat.data();
    const mask = found.masks[0];
    expect(fresh.every((w, i) => mask[i] === 1 || w === 0)).toBe(true);
    expect(fresh).not.toEqual(found.starts[1]);
    found.last.mask.dispose();
    setting.dispose();
  });

  it('end with a level that diverges, and are none without levels', async () => {
    const setting = training(t.device, 'lottery ends');
    const none = await search(setting, { levels: 0 });
    expect([none.last, none.tickets.length]).toEqual([null, 1]);
    const model = setting.model();
    model.parameters.get('out.weight').write(new Float32Array(60).fill(Number.NaN));
    const statuses: string[] = [];
    const last = await lotteryTickets(model, {
      levels: 2,
      optimiser: () => setting.optimiser(model),
      loader: setting.loader,
      train: { epochs: 1 },
      onLevel: ({ result }) => void statuses.push(result.status),
    });
    expect([last, statuses]).toEqual([null, ['diverged']]);
    setting.dispose();
  });

  it('refuse levels, shares and steps out of range before anything changes', async () => {
    const setting = training(t.device, 'lottery refusals');
    const refused = (options: Partial<LotteryOptions>) => expect(search(setting, options)).rejects;
    await refused({ levels: -1 }).toThrow('lotteryTickets: expected levels as a whole number >= 0, got -1');
    await refused({ share: 1 }).toThrow('expected a share in (0, 1), got 1');
    await refused({ rewindTo: 12 }).toThrow('lotteryTickets: expected rewindTo below 12 steps, got 12');
    await refused({ weights: ['no'] }).toThrow("got 'no'");
    setting.dispose();
  });
});
