import type { Estimate } from './stats.js';

/** What stands where there is no number. */
export const NONE = '–';

const MINUS = '\u2212';
const signless = (text: string) => text.replace('-', MINUS);

/** `0.90` as `90 %`, `0.985` as `98.5 %`: as few digits as say it. */
export const share = (x: number): string => `${Number((100 * x).toFixed(2))} %`;

/** `0.9137` as `91.4 %`. */
export const percent = (x: number | null | undefined, digits = 1): string =>
  x === null || x === undefined ? NONE : `${signless((100 * x).toFixed(digits))} %`;

export const fixed = (x: number | null | undefined, digits = 3): string =>
  x === null || x === undefined ? NONE : signless(x.toFixed(digits));

/** A difference of shares in percentage points: `+0.4`, `−1.2`. */
export const points = (x: number): string => `${x < 0 ? MINUS : '+'}${Math.abs(100 * x).toFixed(1)}`;

/** `91.4 ± 0.3 %`; without a spread `91.4 %`. */
export const percentSpread = (e: Estimate | null): string =>
  e === null
    ? NONE
    : e.sd === null
      ? percent(e.mean)
      : `${percent(e.mean).slice(0, -2)} ± ${(100 * e.sd).toFixed(1)} %`;

/** `0.713 ± 0.021`. */
export const fixedSpread = (e: Estimate | null, digits = 3): string =>
  e === null ? NONE : e.sd === null ? fixed(e.mean, digits) : `${fixed(e.mean, digits)} ± ${e.sd.toFixed(digits)}`;

/** `0.64 [0.51, 0.77]`; without an interval `0.64`. */
export const withInterval = (e: Estimate | null, digits = 2): string =>
  e === null ? NONE : e.low === null ? fixed(e.mean, digits) : `${fixed(e.mean, digits)} ${interval(e, digits)}`;

/** `[0.51, 0.77]`. */
export const interval = (e: Estimate, digits = 2): string =>
  e.low === null ? NONE : `[${fixed(e.low, digits)}, ${fixed(e.high, digits)}]`;

/** `8.1×`. */
export const times = (x: number | null | undefined): string =>
  x === null || x === undefined ? NONE : `${x.toFixed(x < 9.95 ? 1 : 0)}×`;

export const count = (n: number): string => n.toLocaleString('en');

/** `one run`, `3 runs`. */
export const counted = (n: number, noun: string): string =>
  `${n === 1 ? 'one' : count(n)} ${n === 1 ? noun : noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}s`}`;

/** `a, b and c`. */
export const listed = (items: readonly string[]): string =>
  items.length < 2 ? (items[0] ?? '') : `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`;

/** `47 s`, `3 min 20 s`, `2 h 05 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
