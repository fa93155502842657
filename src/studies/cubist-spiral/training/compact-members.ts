import type { Device } from '../../../gpu/device.js';
import { ShapeError } from '../../../gpu/errors.js';
import { mlpFits } from '../../../population/index.js';
import { type Neurons, parameterPlaces, usefulNeurons } from './compact.js';
import { type Group, type GroupLimits, groupCost, groupNetworks } from './grouping.js';
import { freshState, type MemberState, type Members, type MembersOptions, type MemberTraining } from './members.js';
import { membersCapacity, openMembers } from './open-members.js';
import { spiralShape } from './setting.js';
import { Decays } from './unreached.js';

/** Members that are trained together at present. */
interface OpenGroup extends Group {
  trained: Members;
  /** Useful neurons that each had when the group was opened; it holds no others. */
  neurons: readonly Neurons[];
  /** Of each, where its parameters lie among those of the whole network. */
  places: readonly Int32Array[];
}

/** Steps that a grouping is reckoned for where nobody says how many will come. */
const SOME_STEPS = 1000;

/**
 * Members that are trained without the neurons that cannot matter, in groups of shapes that hold what is left: sparse
 * networks of any width fit the fused kernel then. To float tolerance they become what they would be uncompacted;
 * parameters on the way to nowhere decay as they would.
 */
export class CompactMembers implements Members {
  readonly count: number;
  /** Of the last training or measurement whose groups the fused kernel did not all hold. */
  fallback: string | null = null;
  private readonly parameters: number;
  private readonly decays: Decays;
  private readonly limits: GroupLimits;
  /** As of the last reading of the groups. */
  private present: MemberState;
  private readonly masks: Float32Array;
  private groups: OpenGroup[] = [];
  private done: number;
  private batch: number;

  constructor(
    private readonly device: Device,
    private readonly options: MembersOptions,
  ) {
    const { rates, schedules, start, masks } = options;
    this.count = rates.length;
    this.parameters = start.values.length / this.count;
    this.decays = new Decays(rates, schedules);
    this.limits = {
      fused: (widths) => mlpFits(device, spiralShape(widths)).form !== null,
      capacity: (widths) => membersCapacity(device, widths),
    };
    this.present = copyOf(start);
    this.masks = new Float32Array(start.values.length).fill(1);
    this.done = start.steps;
    this.batch = options.firstBatch ?? 0;
    if (masks) this.setMasks(masks);
  }

  get steps(): number {
    return this.done;
  }

  async train(steps: number, { signal, progress }: MemberTraining = {}): Promise<void> {
    await this.regroup(steps);
    const costs = this.groups.map((group) => this.cost(group, steps));
    const total = costs.reduce((a, b) => a + b, 0);
    let before = 0;
    for (const [g, { trained }] of this.groups.entries()) {
      await trained.train(steps, { signal, progress: (share) => progress?.((before + share * costs[g]) / total) });
      before += costs[g];
    }
    this.decays.add(this.done, this.done + steps);
    this.done += steps;
    this.batch += steps;
  }

  skip(): void {
    for (const { trained } of this.groups) trained.skip();
    this.done++;
    this.batch++;
  }

  async state(): Promise<MemberState> {
    await this.read();
    return copyOf(this.present);
  }

  setMasks(masks: ArrayLike<number>): void {
    const { values, momenta } = this.present;
    if (masks.length !== values.length)
      throw new ShapeError('CompactMembers.setMasks', `${values.length} mask values`, `${masks.length}`);
    this.masks.set(masks);
    for (let i = 0; i < values.length; i++) if (masks[i] === 0) values[i] = momenta[i] = 0;
    for (const group of this.groups) group.trained.setMasks(this.taken(group, this.masks));
  }

  restart(values: Float32Array): void {
    this.close();
    this.decays.reset();
    this.done = 0;
    this.present = freshState(
      values.map((v, i) => (this.masks[i] === 0 ? 0 : v)),
      this.count,
    );
  }

  async evaluate(): Promise<{ accuracy: Float64Array; loss: Float64Array }> {
    if (this.groups.length === 0) await this.regroup(SOME_STEPS);
    const [accuracy, loss] = [new Float64Array(this.count), new Float64Array(this.count)];
    for (const { members, trained } of this.groups) {
      const scores = await trained.evaluate();
      members.forEach((m, i) => {
        accuracy[m] = scores.accuracy[i];
        loss[m] = scores.loss[i];
      });
    }
    return { accuracy, loss };
  }

  dispose(): void {
    this.close();
  }

  /** Groups for so many steps: those that are open, where they still hold everything and others would save no time. */
  private async regroup(steps: number): Promise<void> {
    const { widths } = this.options;
    const useful = Array.from({ length: this.count }, (_, m) => usefulNeurons(widths, this.row(this.masks, m)));
    const wanted = groupNetworks(useful, widths, steps, this.limits);
    const time = (groups: readonly Group[], of: number) => groups.reduce((n, group) => n + this.cost(group, of), 0);
    const opening = time(this.groups, 0);
    if (this.groups.length > 0 && this.holds(useful) && time(this.groups, steps) - opening <= time(wanted, steps))
      return;
    await this.read();
    this.close();
    for (const group of wanted) this.open(group, useful);
    this.fallback = this.groups.find(({ trained }) => trained.fallback)?.trained.fallback ?? null;
  }

  private cost({ widths, members }: Group, steps: number): number {
    return groupCost(widths, members.length, steps, this.limits.fused(widths));
  }

  private holds(useful: readonly Neurons[]): boolean {
    return this.groups.every(({ members, neurons }) =>
      members.every((m, i) => useful[m].every((layer, l) => layer.every((n) => neurons[i][l].includes(n)))),
    );
  }

  private open(group: Group, useful: readonly Neurons[]): void {
    const { data, order, rates, schedules, widths } = this.options;
    const neurons = group.members.map((m) => useful[m]);
    const places = neurons.map((own) => parameterPlaces(widths, own, group.widths));
    const opened = { ...group, neurons, places };
    const { values, momenta, divergedAt } = this.present;
    const trained = openMembers(this.device, {
      ...{ data, order, widths: group.widths, firstBatch: this.batch },
      rates: group.members.map((m) => rates[m]),
      schedules: group.members.map((m) => schedules[m]),
      masks: this.taken(opened, this.masks),
      start: {
        steps: this.done,
        values: this.taken(opened, values),
        momenta: this.taken(opened, momenta),
        divergedAt: Float64Array.from(group.members, (m) => divergedAt[m]),
      },
    });
    this.groups.push({ ...opened, trained });
  }

  /** A group's part of values of all networks; 0 for units that a network does not have. */
  private taken({ members, places }: Pick<OpenGroup, 'members' | 'places'>, values: Float32Array): Float32Array {
    const size = places[0].length;
    const out = new Float32Array(members.length * size);
    members.forEach((m, i) => {
      const from = m * this.parameters;
      places[i].forEach((place, p) => {
        if (place >= 0) out[i * size + p] = values[from + place];
      });
    });
    return out;
  }

  /** Takes what the groups have become. */
  private async read(): Promise<void> {
    this.present.steps = this.done;
    for (const group of this.groups) this.take(group, await group.trained.state());
    this.decays.reset();
  }

  private take({ members, places }: OpenGroup, { values, momenta, divergedAt }: MemberState): void {
    const { rates, schedules } = this.options;
    const { parameters, present } = this;
    members.forEach((m, i) => {
      const [ownValues, ownMomenta] = [this.row(present.values, m), this.row(present.momenta, m)];
      present.divergedAt[m] = divergedAt[i];
      if (divergedAt[i] < 0) {
        const [a, b, c, d] = this.decays.of(rates[m], schedules[m]);
        for (let p = 0; p < parameters; p++) {
          const [w, v] = [ownValues[p], ownMomenta[p]];
          if (w === 0 && v === 0) continue;
          ownValues[p] = a * w + b * v;
          ownMomenta[p] = c * w + d * v;
        }
      }
      const from = i * places[i].length;
      places[i].forEach((place, p) => {
        if (place < 0) return;
        ownValues[place] = values[from + p];
        ownMomenta[place] = momenta[from + p];
      });
    });
  }

  private row(values: Float32Array, m: number): Float32Array {
    return values.subarray(m * this.parameters, (m + 1) * this.parameters);
  }

  private close(): void {
    for (const { trained } of this.groups) trained.dispose();
    this.groups = [];
  }
}

const copyOf = ({ steps, values, momenta, divergedAt }: MemberState): MemberState => ({
  steps,
  values: values.slice(),
  momenta: momenta.slice(),
  divergedAt: divergedAt.slice(),
});
