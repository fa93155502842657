import type { Series, Unit } from '../../../report/figure.js';
import { colour } from '../../../report/theme.js';
import { dashes, faded, hues, PARAMS, SHOWN, shapes, tip } from '../../../report/units.js';

/** Vega-Lite specifications of the study's figures. Each draws one panel from rows of the data set `table`. */

/** Where a logarithmic axis of numbers of weights may have its labels. */
const TICKS = [5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 65, 80, 100, 150, 200, 300];

const weightAxis = ([least, most]: readonly [number, number], title: string) => ({
  field: 'weights',
  type: 'quantitative',
  scale: { type: 'log', domain: [least, most], nice: false },
  axis: { title, values: TICKS.filter((t) => t >= least && t <= most), format: 'd' },
});

const isSearch = "datum.series === 'search'";
const isMethod = "datum.kind === 'method'";

/** Accuracy against weights: the search's frontier as a thick staircase, what its phases found as marks, methods as lines. */
export function frontierUnit(series: readonly Series[], domain: readonly [number, number]): Unit {
  const x = weightAxis(domain, 'weights that are not 0');
  const y = {
    field: 'accuracy',
    type: 'quantitative',
    scale: { domain: [50, 100.5], nice: false },
    axis: { title: 'best accuracy (%)', tickCount: 6 },
  };
  const shared = { x, y, color: hues(series) };
  const tooltip = [
    tip('label', 'by'),
    tip('weights', 'weights'),
    tip('live', 'of these live'),
    tip('accuracy', 'accuracy (%)', '.2f'),
    tip('setting', 'rate, schedule'),
  ];
  const marks = (filter: string, size: number, opacity: number) => ({
    transform: [{ filter }],
    mark: { type: 'point', filled: true, size, clip: true },
    encoding: { ...shared, shape: shapes(series), opacity: faded(opacity), tooltip },
  });
  return {
    params: PARAMS,
    transform: [SHOWN],
    layer: [
      {
        data: { values: [{ at: 95 }, { at: 99.5 }] },
        transform: [],
        mark: { type: 'rule', strokeDash: [4, 3], color: colour('dim'), opacity: 0.7 },
        encoding: { y: { ...y, field: 'at' } },
      },
      marks("datum.kind === 'phase'", 34, 0.55),
      {
        transform: [{ filter: isMethod }],
        mark: { type: 'line', strokeWidth: 1.6, clip: true },
        encoding: { ...shared, strokeDash: dashes(series), opacity: faded(0.85) },
      },
      marks(isMethod, 44, 0.95),
      {
        transform: [{ filter: isSearch }],
        mark: { type: 'line', strokeWidth: 3.2, interpolate: 'step-after', clip: true },
        encoding: { ...shared, opacity: faded(0.95) },
      },
      marks(isSearch, 95, 1),
    ],
  };
}

/** Fewest weights by width, a line a method; the search's own is the same at all widths. */
export function widthUnit(series: readonly Series[]): Unit {
  const shared = {
    x: {
      field: 'width',
      type: 'ordinal',
      sort: { field: 'width', op: 'min' },
      axis: { title: 'units of each hidden layer', labelAngle: 0 },
      scale: { padding: 0.5 },
    },
    y: {
      field: 'weights',
      type: 'quantitative',
      scale: { zero: false, nice: true, padding: 8 },
      axis: { title: 'fewest weights that reach it', tickCount: 6, tickMinStep: 1, format: 'd' },
    },
    color: hues(series),
  };
  const tooltip = [
    tip('label', 'by'),
    tip('width', 'width'),
    tip('weights', 'weights'),
    tip('live', 'of these live'),
    tip('accuracy', 'accuracy (%)', '.2f'),
  ];
  return {
    params: PARAMS,
    transform: [SHOWN],
    layer: [
      {
        transform: [{ filter: isSearch }],
        mark: { type: 'line', strokeWidth: 3.2 },
        encoding: { ...shared, opacity: faded(0.95) },
      },
      {
        transform: [{ filter: isMethod }],
        mark: { type: 'line', strokeWidth: 1.7, invalid: 'break-paths-show-path-domains' },
        encoding: { ...shared, strokeDash: dashes(series), opacity: faded(0.9) },
      },
      {
        transform: [{ filter: `${isMethod} && isValid(datum.weights)` }],
        mark: { type: 'point', filled: true, size: 56 },
        encoding: { ...shared, shape: shapes(series), opacity: faded(1), tooltip },
      },
    ],
  };
}

/** A share of the surviving weights by budget, a line a method. */
export function budgetUnit(series: readonly Series[], domain: readonly [number, number]): Unit {
  const shared = {
    x: { ...weightAxis(domain, 'weights to keep'), field: 'budget' },
    y: {
      field: 'share',
      type: 'quantitative',
      scale: { zero: true, nice: true },
      axis: { title: '% of surviving weights', tickCount: 5 },
    },
    color: hues(series),
  };
  const tooltip = [
    tip('label', 'method'),
    tip('budget', 'weights to keep'),
    tip('share', '% of weights', '.1f'),
    tip('disconnected', '% of runs without a path', '.1f'),
    tip('runs', 'runs'),
  ];
  return {
    params: PARAMS,
    transform: [SHOWN],
    layer: [
      {
        mark: { type: 'line', strokeWidth: 1.7 },
        encoding: { ...shared, strokeDash: dashes(series), opacity: faded(0.9) },
      },
      {
        mark: { type: 'point', filled: true, size: 44 },
        encoding: { ...shared, shape: shapes(series), opacity: faded(1), tooltip },
      },
    ],
  };
}
