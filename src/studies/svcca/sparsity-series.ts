import type { Series } from '../../report/figure.js';
import { share } from '../../report/format.js';
import { colour } from '../../report/theme.js';

/** Shades of one hue from `step0` to `step5`, and marks. */
const STEPS = 6;

/** Sparsities as series: the sparser, the stronger the colour. */
export const sparsitySeries = (sparsities: readonly number[], label: (sparsity: number) => string): readonly Series[] =>
  sparsities.map((s, i) => ({
    name: share(s),
    label: label(s),
    colour: colour(`step${sparsities.length === 1 ? 2 : Math.round((i * (STEPS - 2)) / (sparsities.length - 1))}`),
  }));
