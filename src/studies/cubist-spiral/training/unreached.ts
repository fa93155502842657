import { SCHEDULES, type ScheduleName } from '../enumerate.js';
import { scheduleFactor, TRAINING } from './setting.js';

/** How some steps take a parameter and its momentum, w and v, to a w + b v and c w + d v. */
export type Decay = readonly [a: number, b: number, c: number, d: number];

export const NO_DECAY: Decay = [1, 0, 0, 1];

/**
 * What steps from `from` to `to` do to a parameter without a gradient: weight decay alone moves it, v = momentum v + decay w,
 * w -= rate v.
 */
export function decayOf(rate: number, schedule: ScheduleName, from: number, to: number, before = NO_DECAY): Decay {
  const { factor } = scheduleFactor(schedule);
  const { momentum, weightDecay } = TRAINING;
  let [a, b, c, d] = before;
  for (let step = from; step < to; step++) {
    const r = rate * factor(step);
    [c, d] = [momentum * c + weightDecay * a, momentum * d + weightDecay * b];
    [a, b] = [a - r * c, b - r * d];
  }
  return [a, b, c, d];
}

/** What steps have done so far to parameters without a gradient, for every rate and schedule. */
export class Decays {
  private readonly soFar = new Map<string, { rate: number; schedule: ScheduleName; decay: Decay }>();

  constructor(rates: readonly number[], schedules: readonly ScheduleName[]) {
    rates.forEach((rate, m) => {
      this.soFar.set(key(rate, schedules[m]), { rate, schedule: schedules[m], decay: NO_DECAY });
    });
  }

  /** Takes up steps that were trained. */
  add(from: number, to: number): void {
    for (const entry of this.soFar.values()) entry.decay = decayOf(entry.rate, entry.schedule, from, to, entry.decay);
  }

  of(rate: number, schedule: ScheduleName): Decay {
    return this.soFar.get(key(rate, schedule))!.decay;
  }

  reset(): void {
    for (const entry of this.soFar.values()) entry.decay = NO_DECAY;
  }
}

const key = (rate: number, schedule: ScheduleName): string => `${rate} ${SCHEDULES.indexOf(schedule)}`;
