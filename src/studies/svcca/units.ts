import type { Series, Unit } from '../../report/figure.js';
import { colour } from '../../report/theme.js';
import { dashes, faded, hues, PARAMS, SHOWN, shapes, tip } from '../../report/units.js';

/** Vega-Lite specifications of the study's figures. Each draws one panel from rows of the data set `table`. */

const LAYER_AXIS = {
  field: 'layer',
  type: 'ordinal',
  sort: { field: 'index', op: 'min' },
  axis: { title: null, labelAngle: -55, labelLimit: 84, labelOverlap: true, labelSeparation: -30 },
  scale: { padding: 0.4 },
};

/** Spread of the floor. */
const BAND = {
  transform: [{ filter: 'isValid(datum.bandLow)' }],
  mark: { type: 'area', clip: true },
  encoding: {
    y: { field: 'bandLow', type: 'quantitative' },
    y2: { field: 'bandHigh' },
    color: { value: colour('grey') },
    opacity: { value: 0.2 },
  },
};

/** Lines over layers, one a series; with a fixed domain also a band, where rows say `bandLow` and `bandHigh`. */
export function layerwise(series: readonly Series[], axis: string, domain?: readonly number[]): Unit {
  const y = {
    field: 'mean',
    type: 'quantitative',
    axis: { title: axis, tickCount: 5 },
    scale: domain ? { domain } : { zero: true },
  };
  const tooltip = [
    tip('label', 'network'),
    tip('layer', 'layer'),
    tip('mean', 'mean', '.3f'),
    tip('spread', '± sd'),
    tip('n', 'comparisons'),
  ];
  return {
    params: PARAMS,
    transform: [SHOWN],
    encoding: { x: LAYER_AXIS },
    layer: [
      ...(domain ? [BAND] : []),
      {
        mark: { type: 'line', strokeWidth: 1.8 },
        encoding: { y, color: hues(series), strokeDash: dashes(series), opacity: faded(0.95) },
      },
      {
        mark: { type: 'point', filled: true, size: 42 },
        encoding: { y, color: hues(series), shape: shapes(series), opacity: faded(1), tooltip },
      },
    ],
  };
}

/** Every layer of one network against every layer of another. */
export const HEAT_MAP: Unit = {
  params: PARAMS,
  mark: { type: 'rect', stroke: colour('card'), strokeWidth: 0.5 },
  encoding: {
    x: {
      ...LAYER_AXIS,
      field: 'other',
      axis: { ...LAYER_AXIS.axis, labelAngle: -90, labelSeparation: 0 },
      sort: { field: 'otherIndex', op: 'min' },
      scale: { padding: 0 },
    },
    y: {
      ...LAYER_AXIS,
      axis: { title: null, labelLimit: 84, labelOverlap: true },
      scale: { padding: 0 },
      sort: { field: 'index', op: 'min', order: 'descending' },
    },
    color: {
      field: 'mean',
      type: 'quantitative',
      scale: { scheme: 'viridis', domain: [0, 1] },
      legend: null,
    },
    tooltip: [tip('layer', 'dense'), tip('other', 'other'), tip('mean', 'similarity', '.3f')],
  },
};

/** Something over epochs, one line a sparsity; pruning is where two points share an epoch. */
export function overEpochs(series: readonly Series[]): Unit {
  const tooltip = [
    tip('label', 'to'),
    tip('moment', 'moment'),
    tip('removed', 'removed so far'),
    tip('mean', 'mean', '.3f'),
    tip('spread', '± sd'),
  ];
  const shared = {
    x: {
      field: 'elapsed',
      type: 'quantitative',
      axis: { title: 'epochs of fine-tuning', tickMinStep: 1, tickCount: 6, format: 'd' },
    },
    y: {
      field: 'mean',
      type: 'quantitative',
      axis: { title: null, tickCount: 5 },
      scale: { zero: false, nice: true, padding: 6 },
    },
    color: hues(series),
  };
  return {
    params: PARAMS,
    transform: [SHOWN],
    layer: [
      {
        mark: { type: 'line', strokeWidth: 1.8 },
        encoding: {
          ...shared,
          strokeDash: dashes(series),
          order: { field: 'order', type: 'quantitative' },
          opacity: faded(0.95),
        },
      },
      {
        transform: [{ filter: "datum.series !== 'D'" }],
        mark: { type: 'point', filled: true, size: 46 },
        encoding: { ...shared, opacity: faded(1), tooltip },
      },
    ],
  };
}

/** Accuracy against similarity, a mark a network, as large as its row says. */
export function scatter(series: readonly Series[]): Unit {
  return {
    params: PARAMS,
    transform: [SHOWN],
    mark: { type: 'point', filled: true },
    encoding: {
      x: {
        field: 'accuracy',
        type: 'quantitative',
        axis: { title: 'test accuracy (%)', tickCount: 6 },
        scale: { zero: false, nice: true, padding: 8 },
      },
      y: {
        field: 'mean',
        type: 'quantitative',
        axis: { title: 'similarity with the parent', tickCount: 5 },
        scale: { domain: [0, 1] },
      },
      color: hues(series),
      shape: shapes(series),
      size: { field: 'size', type: 'quantitative', scale: null },
      opacity: faded(0.85),
      tooltip: [
        tip('label', 'network'),
        tip('sparsity', 'sparsity'),
        tip('accuracy', 'accuracy (%)', '.1f'),
        tip('mean', 'similarity', '.3f'),
        tip('seeds', 'seeds'),
      ],
    },
  };
}

/** Means with their intervals on a line from 0 to 1 and a little beyond, a row a network. */
export function intervals(series: readonly Series[]): Unit {
  const y = {
    field: 'row',
    type: 'nominal',
    sort: null,
    axis: { title: null, labelLimit: 140, ticks: false, domain: false },
  };
  const apart = { field: 'series', sort: series.map((s) => s.name) };
  const scale = { domain: [-0.1, 1.15], nice: false };
  return {
    params: PARAMS,
    transform: [SHOWN],
    encoding: { y, yOffset: apart },
    layer: [
      {
        data: { values: [{ at: 0 }, { at: 1 }] },
        transform: [],
        mark: { type: 'rule', strokeDash: [4, 3], color: colour('dim') },
        encoding: { x: { field: 'at', type: 'quantitative' }, y: null, yOffset: null },
      },
      {
        transform: [{ filter: 'isValid(datum.low)' }],
        mark: { type: 'rule', strokeWidth: 2, clip: true },
        encoding: {
          x: { field: 'low', type: 'quantitative' },
          x2: { field: 'high' },
          color: hues(series),
          opacity: faded(0.6),
        },
      },
      {
        mark: { type: 'point', filled: true, size: 90, clip: true },
        encoding: {
          x: {
            field: 'mean',
            type: 'quantitative',
            scale,
            axis: {
              title: 'evo (0: as the parent, 1: unrelated)',
              values: [0, 0.2, 0.4, 0.6, 0.8, 1],
              grid: true,
            },
          },
          color: hues(series),
          opacity: faded(1),
          tooltip: [
            tip('row', 'network'),
            tip('label', 'sparsity'),
            tip('mean', 'evo', '.3f'),
            tip('interval', '95 % interval'),
            tip('n', 'networks'),
          ],
        },
      },
    ],
  };
}
