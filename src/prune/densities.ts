import { ArgumentError } from '../gpu/errors.js';
import { type Shape, sizeOf } from '../tensor/shape.js';

/**
 * Erdős–Rényi-kernel densities of layers whose weights together keep a given share: proportional to the sum of a
 * weight's axes over their product; layers that would exceed 1 stay whole, and the others share the rest.
 */
export function erkDensities(shapes: readonly Shape[], density: number): number[] {
  const sizes = shapes.map(sizeOf);
  const raw = shapes.map((shape, i) => (sizes[i] === 0 ? 0 : shape.reduce((a, b) => a + b, 0) / sizes[i]));
  const target = density * sizes.reduce((a, b) => a + b, 0);
  const whole = new Set<number>();
  for (;;) {
    let left = target;
    let shared = 0;
    sizes.forEach((size, i) => {
      if (whole.has(i)) left -= size;
      else shared += raw[i] * size;
    });
    const scale = shared > 0 ? left / shared : 0;
    const over = raw.flatMap((r, i) => (!whole.has(i) && r * scale > 1 ? [i] : []));
    if (over.length === 0) return raw.map((r, i) => (whole.has(i) ? 1 : r * scale));
    for (const i of over) whole.add(i);
  }
}

/**
 * The share of prunable weights to keep so that all parameters together shrink by a factor: (total / compression -
 * (total - prunable)) / prunable.
 *
 * @param compression size before / size after, counting every parameter
 * @throws ArgumentError for a compression below 1, or above what removing every prunable weight gives
 */
export function densityForCompression(compression: number, total: number, prunable: number): number {
  const op = 'densityForCompression';
  if (!(prunable > 0 && prunable <= total))
    throw new ArgumentError(op, `prunable weights, at most ${total}`, `${prunable}`);
  if (!(compression >= 1)) throw new ArgumentError(op, 'a compression >= 1', `${compression}`);
  const fixed = total - prunable;
  const density = (total / compression - fixed) / prunable;
  if (density > 0) return density;
  throw new ArgumentError(op, `a compression below ${(total / fixed).toFixed(2)}, the most there is`, `${compression}`);
}
