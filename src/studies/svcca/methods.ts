import type { Series } from '../../report/figure.js';
import { colour } from '../../report/theme.js';
import type { Method } from './types.js';

/** How methods look in every figure: each has its colour and mark, so that none is told by colour alone. */
const LOOK: Readonly<Record<Method, Omit<Series, 'name'>>> = {
  D: { label: 'D′ (other dense nets)', colour: colour('grey'), dash: [5, 3], shape: 'circle' },
  P0: { label: 'P0 (pruned only)', colour: colour('black'), dash: [2, 2], shape: 'cross' },
  M1: { label: 'M1 (fine-tuned)', colour: colour('vermillion'), shape: 'circle' },
  'M1-LT': { label: 'M1-LT (rewound)', colour: colour('orange'), shape: 'square' },
  M2: { label: 'M2 (re-initialised)', colour: colour('blue'), shape: 'triangle-up' },
  'M2-rescaled': { label: 'M2 rescaled', colour: colour('sky'), dash: [6, 2], shape: 'triangle-down' },
  'M3-uniform': { label: 'M3 uniform (random)', colour: colour('green'), shape: 'diamond' },
  'M3-matched': { label: 'M3 matched densities', colour: colour('pink'), dash: [6, 2], shape: 'triangle-right' },
  'M3-shuffled': { label: 'M3 shuffled mask', colour: colour('olive'), dash: [3, 2], shape: 'triangle-left' },
};

export const seriesOf = (method: Method): Series => ({ name: method, ...LOOK[method] });

/** What a method is, in a few words, for tables. */
export const EXPLAINED: Readonly<Record<Method, string>> = {
  D: 'trained dense',
  P0: 'pruned by magnitude, not retrained',
  M1: 'pruned in rounds, fine-tuned from the surviving weights',
  'M1-LT': 'M1’s mask, rewound to the first weights, trained',
  M2: 'M1’s mask, weights drawn anew, trained',
  'M2-rescaled': 'as M2, first weights scaled to the layer’s density',
  'M3-uniform': 'random mask, one density for all layers, trained',
  'M3-matched': 'random mask with M1’s densities of layers, trained',
  'M3-shuffled': 'M1’s mask shuffled within layers, trained',
};
