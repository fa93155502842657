import { ArgumentError } from '../gpu/errors.js';

/**
 * A learning-rate schedule: a factor of the base rate for every step, counted from 0. It exists twice, as a host
 * function and as WGSL statements over `step: f32`, because a compiled step computes it on the device.
 */
export interface Schedule {
  factor(step: number): number;
  /** Statements ending in a return. */
  wgsl: string;
}

const number = (v: number): string => {
  const text = String(Math.fround(v));
  return /[.e]/.test(text) ? text : `${text}.0`;
};

function steps(name: string, value: number): void {
  if (!(Number.isInteger(value) && value > 0))
    throw new ArgumentError(name, 'a positive whole number of steps', String(value));
}

function finite(name: string, what: string, value: number, ok = true): void {
  if (!Number.isFinite(value) || !ok) throw new ArgumentError(name, what, String(value));
}

/** The base rate throughout. */
export const constantSchedule = (): Schedule => ({ factor: () => 1, wgsl: 'return 1.0;' });

/** Times gamma at each milestone (in steps). */
export function multiStep(milestones: readonly number[], gamma = 0.1): Schedule {
  milestones.forEach((m, i) => {
    if (!Number.isInteger(m) || m < 0 || (i > 0 && m <= milestones[i - 1])) {
      throw new ArgumentError('multiStep', 'whole milestones in ascending order', milestones.join(', '));
    }
  });
  finite('multiStep', 'a finite gamma >= 0', gamma, gamma >= 0);
  return {
    factor: (step) => gamma ** milestones.filter((m) => step >= m).length,
    wgsl: `var f = 1.0;\n${milestones.map((m) => `if (step >= ${number(m)}) { f *= ${number(gamma)}; }`).join('\n')}\nreturn f;`,
  };
}

/** Half a cosine from 1 to `end` over `total` steps, then `end` (Loshchilov & Hutter 2017). */
export function cosine(total: number, end = 0): Schedule {
  steps('cosine', total);
  finite('cosine', 'a finite end >= 0', end, end >= 0);
  return {
    factor: (step) => end + (1 - end) * 0.5 * (1 + Math.cos((Math.PI * Math.min(step, total)) / total)),
    wgsl: `return ${number(end)} + ${number(1 - end)} * 0.5 * (1.0 + cos(3.14159265 * min(step / ${number(total)}, 1.0)));`,
  };
}

/** Linearly from `start` to 1 over the first `count` steps, then another schedule, counted from there. */
export function warmUp(count: number, then: Schedule = constantSchedule(), start = 0): Schedule {
  steps('warmUp', count);
  finite('warmUp', 'a finite start >= 0', start, start >= 0);
  return {
    factor: (step) => (step < count ? start + (1 - start) * ((step + 1) / count) : then.factor(step - count)),
    wgsl: `if (step < ${number(count)}) { return ${number(start)} + ${number(1 - start)} * (step + 1.0) / ${number(count)}; }
  return after_warm_up(step - ${number(count)});
}
fn after_warm_up(step: f32) -> f32 {
  ${then.wgsl.replaceAll('after_warm_up', 'after_warm_up_')}`,
  };
}

/**
 * One cycle (Smith & Topin 2019): cosine from 1 / divide up to 1 over the first `up` share of `total` steps, then
 * cosine down to 1 / (divide * finalDivide).
 */
export function oneCycle(total: number, { up = 0.3, divide = 25, finalDivide = 1e4 } = {}): Schedule {
  steps('oneCycle', total);
  if (!(up > 0 && up < 1)) throw new ArgumentError('oneCycle', 'up in (0, 1)', String(up));
  finite('oneCycle', 'divide > 0', divide, divide > 0);
  finite('oneCycle', 'finalDivide > 0', finalDivide, finalDivide > 0);
  const low = 1 / divide;
  const end = low / finalDivide;
  const peak = up * total - 1;
  const last = total - 1;
  const blend = (a: number, b: number, t: number) => b + 0.5 * (a - b) * (1 + Math.cos(Math.PI * t));
  if (peak <= 0 || last <= peak)
    throw new ArgumentError('oneCycle', 'enough steps for both phases', `${total} with up ${up}`);
  return {
    factor: (step) =>
      step <= peak ? blend(low, 1, step / peak) : blend(1, end, Math.min(1, (step - peak) / (last - peak))),
    wgsl: `if (step <= ${number(peak)}) { return 1.0 + 0.5 * ${number(low - 1)} * (1.0 + cos(3.14159265 * step / ${number(peak)})); }
  return ${number(end)} + 0.5 * ${number(1 - end)} * (1.0 + cos(3.14159265 * min(1.0, (step - ${number(peak)}) / ${number(last - peak)})));`,
  };
}
