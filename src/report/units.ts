import type { Series } from './figure.js';

/** Pieces that figures' Vega-Lite specifications are made of. Rows name their series as `series`. */

/** What a page's legend sets: series taken out, and the one pointed at. */
export const PARAMS = [
  { name: 'hidden', value: [] },
  { name: 'lit', value: null },
];
/** A transform that leaves out the series taken out. */
export const SHOWN = { filter: 'indexof(hidden, datum.series) < 0' };

/** Opacity of a mark, and while another series is pointed at. */
export const faded = (shown: number, away = 0.12) => ({
  condition: { test: 'lit !== null && lit !== datum.series', value: away },
  value: shown,
});

const bySeries = (series: readonly Series[], value: (s: Series) => unknown) => ({
  field: 'series',
  type: 'nominal',
  sort: null,
  scale: { domain: series.map((s) => s.name), range: series.map(value) },
  legend: null,
});

/** Colour, dashes and marks of series, as encodings. */
export const hues = (series: readonly Series[]) => bySeries(series, (s) => s.colour);
export const dashes = (series: readonly Series[]) => bySeries(series, (s) => s.dash ?? [1, 0]);
export const shapes = (series: readonly Series[]) => bySeries(series, (s) => s.shape ?? 'circle');

/** A line of a tooltip. */
export const tip = (field: string, title: string, format?: string) => ({ field, title, ...(format && { format }) });
