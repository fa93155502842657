import { ArgumentError, DTypeError, ShapeError } from '../gpu/errors.js';
import { concat } from '../ops/concat.js';
import { slice } from '../ops/slice.js';
import { scope } from '../tensor/scope.js';
import { showShape } from '../tensor/shape.js';
import { commonDevice, Tensor, tensor } from '../tensor/tensor.js';
import { assertRank, assertRanks, keyOf, ranked, type SelectBy } from './inputs.js';
import { launchMasks } from './mark.js';
import { launchSelect } from './radix-select.js';
import type { Selected } from './status.js';

/** What competes with what: everything, each tensor, each line along the last axis, or each index of the leading axis. */
export type MaskScope = 'global' | 'layer' | 'row' | 'model';

/**
 * How many elements to keep of what competes: one number for all, a list or u32 tensor with one number each (in order: of
 * tensors, of rows tensor by tensor, or of models), or a share in [0, 1], which is rounded to the nearest number.
 */
export type Keep = number | readonly number[] | Tensor | { density: number };

export interface MaskOptions {
  /** `global` by default. */
  scope?: MaskScope;
  /** Ranked by absolute value (default) or by value. */
  by?: SelectBy;
  /** Keep the greatest (default) or the least. */
  largest?: boolean;
}

/** Elements that compete: `units` groups of n, taken from every tensor of `sources`. */
interface Contest {
  /** Positions in the list. */
  sources: number[];
  units: number;
  n: number;
}

/**
 * Masks of the k greatest scores: exactly k survive, among equals those that come first, in the order of the list and of
 * positions. Scores are weights, by magnitude, or anything else, `by: 'signed'`. Nothing waits for the device: NaN ranks
 * behind all numbers and is counted by `status`, one word for each k; `await checked(keepMask(...))` refuses it.
 *
 * @param x scores of dtype f32, f16, i32 or u32, or a list of them (of one dtype), which may be of more elements than one
 * tensor can hold
 * @param k how many survive; on the device it is limited to what there is, and `status` says so
 * @returns bool masks of the scores' shapes, and the status
 * @throws ArgumentError for an empty list, a k out of range or not whole, or a density outside [0, 1]
 * @throws ShapeError for a list or tensor of other than one k each, or models where leading axes differ
 * @throws DTypeError for bool, a mixed list, or ks that are not u32
 */
export function keepMask(x: Tensor, k: Keep, options?: MaskOptions): Selected & { mask: Tensor };
export function keepMask(x: readonly Tensor[], k: Keep, options?: MaskOptions): Selected & { masks: Tensor[] };
export function keepMask(
  x: Tensor | readonly Tensor[],
  k: Keep,
  options: MaskOptions = {},
): Selected & ({ mask: Tensor } | { masks: Tensor[] }) {
  const { masks, status } = masksOf(x instanceof Tensor ? [x] : x, k, options);
  return x instanceof Tensor ? { mask: masks[0], status } : { masks, status };
}

function masksOf(xs: readonly Tensor[], k: Keep, options: MaskOptions): { masks: Tensor[]; status: Tensor } {
  const { by = 'magnitude', largest = true } = options;
  if (xs.length === 0) throw new ArgumentError('keepMask', 'at least one tensor of scores', 'none');
  const device = commonDevice('keepMask', k instanceof Tensor ? [...xs, k] : xs);
  const key = keyOf('keepMask', xs[0], by, largest);
  for (const x of xs)
    if (x.dtype !== xs[0].dtype) throw new DTypeError('keepMask', `scores of one dtype, ${xs[0].dtype}`, x.dtype);
  const contests = contestsOf(xs, options.scope ?? 'global');
  checkKeep(k, contests);
  return scope(() => {
    const masks = xs.map((x) => Tensor.empty('keepMask', device, 'bool', x.shape));
    const ks = Array.isArray(k) ? tensor(device, Uint32Array.from(k)) : k;
    let before = 0;
    const statuses = contests.map(({ sources: at, units, n }) => {
      const sources = at.map((i) => ranked('keepMask', xs[i], [xs[i].size]));
      const own = keepOf(ks as Exclude<Keep, readonly number[]>, before, units, n);
      before += units;
      const selection = launchSelect('keepMask', device, { sources, units, key, k: own, least: 0 });
      launchMasks(
        'keepMask',
        device,
        selection,
        at.map((i) => masks[i]),
      );
      return selection.status;
    });
    return { masks, status: statuses.length === 1 ? statuses[0] : concat(statuses) };
  });
}

function contestsOf(xs: readonly Tensor[], by: MaskScope): Contest[] {
  const sources = xs.map((_, i) => i);
  const total = xs.reduce((sum, x) => sum + x.size, 0);
  switch (by) {
    case 'global':
      return [{ sources, units: 1, n: total }];
    case 'layer':
      return xs.map((x, i) => ({ sources: [i], units: 1, n: x.size }));
    case 'row':
      return xs.map((x, i) => {
        const n = x.shape.at(-1) ?? 1;
        return { sources: [i], units: n === 0 ? 0 : x.size / n, n };
      });
    case 'model': {
      const models = xs[0].shape[0];
      for (const x of xs)
        if (x.rank === 0 || x.shape[0] !== models)
          throw new ShapeError('keepMask', `a leading axis of ${models ?? 'models'} everywhere`, showShape(x.shape));
      return [{ sources, units: models, n: models === 0 ? 0 : total / models }];
    }
    default:
      throw new ArgumentError('keepMask', "scope 'global', 'layer', 'row' or 'model'", String(by));
  }
}

function checkKeep(k: Keep, contests: readonly Contest[]): void {
  const units = contests.reduce((sum, c) => sum + c.units, 0);
  if (k instanceof Tensor) assertRanks('keepMask', k, units);
  else if (Array.isArray(k)) {
    if (k.length !== units) throw new ShapeError('keepMask', `${units} values of k`, `${k.length}`);
    const sizes = contests.flatMap((c) => new Array<number>(c.units).fill(c.n));
    k.forEach((one, i) => assertRank('keepMask', one, 0, sizes[i]));
  } else if (typeof k === 'number') for (const c of contests) assertRank('keepMask', k, 0, c.n);
  else {
    const { density } = k as { density: number };
    if (!(density >= 0 && density <= 1)) throw new ArgumentError('keepMask', 'a density in [0, 1]', String(density));
  }
}

/** The k of one contest, whose units follow `before` others. */
function keepOf(k: Exclude<Keep, readonly number[]>, before: number, units: number, n: number): number | Tensor {
  if (k instanceof Tensor) return slice(k.view('keepMask', [k.size]), [before], [before + units]);
  return typeof k === 'number' ? k : Math.round(k.density * n);
}
