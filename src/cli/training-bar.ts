import cliProgress from 'cli-progress';
import pc from 'picocolors';
import type { Reporter } from '../train/progress.js';

/** A training run as a progress bar; into a pipe it prints a line every few seconds. */
export function trainingBar(label: string): Reporter {
  const bar = new cliProgress.SingleBar({
    format: `${label} ${pc.green('{bar}')} {percentage} % | step {value} of {total} | loss {loss} | {rate} images/s | {left} left`,
    hideCursor: true,
    barsize: 24,
    noTTYOutput: true,
    notTTYSchedule: 5000,
  });
  let started = false;
  return {
    progress: ({ step, steps, loss, rate, secondsLeft }) => {
      const shown = { loss: loss.toFixed(3), rate: Math.round(rate), left: duration(secondsLeft) };
      if (started) bar.update(step, shown);
      else bar.start(steps, step, shown);
      started = true;
    },
    end: () => bar.stop(),
  };
}

/** `42 s`, `3:05 min`, `2:10 h`. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const [unit, big, small] =
    s < 3600 ? ['min', Math.floor(s / 60), s % 60] : ['h', Math.floor(s / 3600), Math.floor((s % 3600) / 60)];
  return `${big}:${String(small).padStart(2, '0')} ${unit}`;
}
