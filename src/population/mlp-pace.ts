/** Time that one launch should take: displays and watchdogs allow far less than a second. */
const TARGET_MS = 40;
/** Growth from one launch to the next; the first measurements hold compilation, or are too short to trust. */
const MOST_GROWTH = 4;

/**
 * Chooses how much work a launch gets, from how long earlier ones took. Work is counted in units that take equal time:
 * one model for one step, or one model for one row.
 */
export class Pace {
  private unitsAtOnce: number;

  /** @param flops of one unit: launches begin small, at what the slowest device does in a moment */
  constructor(flops: number) {
    this.unitsAtOnce = Math.max(1, Math.floor(1e8 / flops));
  }

  /**
   * @param models that take part
   * @param units that one model takes at the least
   * @returns models a launch, and how many times the least each takes
   */
  plan(models: number, units: number): { span: number; times: number } {
    const least = Math.floor(this.unitsAtOnce / units);
    if (least >= models) return { span: models, times: Math.floor(least / models) };
    // Whole workgroups of any form.
    return { span: Math.min(models, Math.max(64, Math.floor(least / 64) * 64)), times: 1 };
  }

  /** Learns from launches of `units` each, of which one took `ms`. */
  record(units: number, ms: number): void {
    const wanted = (units * TARGET_MS) / Math.max(ms, 1e-3);
    this.unitsAtOnce = Math.max(1, Math.min(wanted, units * MOST_GROWTH));
  }

  /** Launches between two waits. */
  get launches(): number {
    return 4;
  }
}
