import type { Series } from '../../../report/figure.js';
import { colour } from '../../../report/theme.js';
import type { Pruner } from '../types.js';
import type { Phase } from './analysis.js';

interface About {
  readonly label: string;
  /** What it does, in a few words, for tables. */
  readonly explained: string;
  readonly look: Omit<Series, 'name' | 'label'>;
}

/** Methods that prune before training have dashed lines; each has its colour and mark. */
const BEFORE = [6, 2];
const ABOUT: Readonly<Record<Pruner, About>> = {
  gmp: {
    label: 'GMP',
    explained: 'gradual magnitude pruning: the smallest weights go, in 199 steps while the network trains',
    look: { colour: colour('vermillion'), shape: 'circle' },
  },
  lth: {
    label: 'LTH',
    explained: 'lottery tickets: trained five times, the smallest weights go after each, the others back to the start',
    look: { colour: colour('orange'), shape: 'square' },
  },
  snip: {
    label: 'SNIP',
    explained: 'before training, once: weights whose absence would change the loss most stay',
    look: { colour: colour('blue'), shape: 'triangle-up', dash: BEFORE },
  },
  grasp: {
    label: 'GraSP',
    explained: 'before training, once: weights whose absence would reduce the gradient’s norm most stay',
    look: { colour: colour('sky'), shape: 'triangle-down', dash: BEFORE },
  },
  'iterative-snip': {
    label: 'iterative SNIP',
    explained: 'SNIP in ten steps, each on what is left',
    look: { colour: colour('green'), shape: 'cross', dash: BEFORE },
  },
  force: {
    label: 'FORCE',
    explained: 'as iterative SNIP, but pruned weights may come back',
    look: { colour: colour('olive'), shape: 'triangle-right', dash: BEFORE },
  },
  synflow: {
    label: 'SynFlow',
    explained: 'before training and without data, in 100 steps: weights on the strongest paths stay',
    look: { colour: colour('step4'), shape: 'triangle-left', dash: BEFORE },
  },
  prospr: {
    label: 'ProsPr',
    explained: 'before training: the loss after three steps of it, differentiated by the mask',
    look: { colour: colour('grey'), shape: 'diamond', dash: BEFORE },
  },
  rigl: {
    label: 'RigL',
    explained: 'sparse from the start: while training, the smallest weights go and those with large gradients grow',
    look: { colour: colour('pink'), shape: 'diamond' },
  },
};

export const aboutMethod = (method: Pruner): About => ABOUT[method];
export const methodLabel = (method: Pruner): string => ABOUT[method].label;
export const methodSeries = (method: Pruner): Series => ({
  name: method,
  label: ABOUT[method].label,
  ...ABOUT[method].look,
});

/** The search's best networks, as one line. */
export const SEARCH: Series = { name: 'search', label: 'search: frontier', colour: colour('black'), shape: 'circle' };

/** What each phase of the search found. */
export const PHASES: Readonly<Record<Phase, Series>> = {
  dense: { name: 'dense', label: 'search: dense networks', colour: colour('dim'), shape: 'square' },
  masks: { name: 'masks', label: 'search: masks', colour: colour('step1'), shape: 'circle' },
  continuation: { name: 'continuation', label: 'search: beyond phase 2', colour: colour('accent'), shape: 'diamond' },
};
