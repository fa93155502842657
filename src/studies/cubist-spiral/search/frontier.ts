import type { MaskTriple } from '../enumerate.js';
import { sparser } from './lattice.js';
import { keyOf } from './masks.js';

/** A mask that waits to be trained, and the best accuracy of those one weight above it. */
interface Waiting {
  readonly mask: MaskTriple;
  readonly key: string;
  readonly parent: number;
}

/**
 * Which mask to train next. A mask waits once one that has a single weight more is trained. First come masks below one
 * that reached the target, the sparsest of these first; then those below the most accurate ones.
 */
export class Frontier {
  /** Best accuracy of every trained mask. */
  private readonly trained = new Map<string, number>();
  private readonly waitingByKey = new Map<string, Waiting>();

  constructor(private readonly target: number) {}

  get waiting(): number {
    return this.waitingByKey.size;
  }

  /** Takes up what is known of masks: accuracies of all trainings. */
  learn(masks: Iterable<{ mask: MaskTriple; accuracy: number }>): void {
    const changed = new Map<string, MaskTriple>();
    for (const { mask, accuracy } of masks) {
      const key = keyOf(mask);
      this.waitingByKey.delete(key);
      const before = this.trained.get(key);
      if (before !== undefined && before >= accuracy) continue;
      this.trained.set(key, accuracy);
      changed.set(key, mask);
    }
    for (const [key, mask] of changed) this.offer(mask, this.trained.get(key)!);
  }

  /** Takes the most promising masks off the waiting ones, at most so many. */
  take(count: number): MaskTriple[] {
    const best = [...this.waitingByKey.values()].sort((a, b) => this.compare(a, b)).slice(0, count);
    for (const { key } of best) this.waitingByKey.delete(key);
    return best.map(({ mask }) => mask);
  }

  private offer(parent: MaskTriple, accuracy: number): void {
    for (const mask of sparser(parent)) {
      const key = keyOf(mask);
      const known = this.waitingByKey.get(key);
      if (this.trained.has(key) || (known && known.parent >= accuracy)) continue;
      this.waitingByKey.set(key, { mask, key, parent: accuracy });
    }
  }

  private compare(a: Waiting, b: Waiting): number {
    const [reachedA, reachedB] = [a.parent >= this.target, b.parent >= this.target];
    if (reachedA !== reachedB) return reachedA ? -1 : 1;
    const bySize = a.mask.weights - b.mask.weights;
    const byParent = b.parent - a.parent;
    return (reachedA ? bySize || byParent : byParent || bySize) || (a.key < b.key ? -1 : 1);
  }
}
