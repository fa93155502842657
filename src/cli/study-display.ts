import cliProgress from 'cli-progress';
import pc from 'picocolors';
import type { RunRecord, RunSpec } from '../store/record.js';
import { Overall, type StudyReporter } from '../studies/progress.js';
import type { Study } from '../studies/study.js';
import { duration } from './training-bar.js';

/** A study on the terminal: a bar for the whole with the run under way; into a pipe, a line for every run. */
export function studyDisplay(study: Pick<Study, 'label' | 'weight'>): StudyReporter {
  return process.stderr.isTTY ? bar(study) : lines(study);
}

function bar(study: Pick<Study, 'label' | 'weight'>): StudyReporter {
  const bars = new cliProgress.MultiBar({
    format: `${pc.green('{bar}')} {percentage} % | {done} of {runs} runs | {left} left | {current}`,
    hideCursor: true,
    barsize: 24,
    stopOnComplete: false,
    gracefulExit: false,
    emptyOnZero: true,
  });
  let overall: Overall;
  let shown: cliProgress.SingleBar;
  let count = 0;
  const show = (current: string) => {
    const left = overall.secondsLeft();
    shown.update(Math.floor(1000 * overall.share), {
      done: count,
      left: left === null ? '?' : duration(left),
      current,
    });
  };
  return {
    begin: (runs, done) => {
      overall = new Overall(runs, (id) => done.has(id), study.weight);
      count = runs.filter(({ id }) => done.has(id)).length;
      shown = bars.create(1000, 0, { done: count, runs: runs.length, left: '?', current: '' });
      show('starting');
    },
    progress: (run, share, text) => {
      overall.progress(run.id, share);
      show(describe(study, run, text));
    },
    done: (run, record) => {
      overall.done(run.id);
      count++;
      if (record.status !== 'finished') bars.log(`${outcomeLine(study, run, record)}\n`);
      show(study.label(run));
    },
    notice: (text) => bars.log(`${pc.yellow(text)}\n`),
    end: () => bars.stop(),
  };
}

function lines(study: Pick<Study, 'label' | 'weight'>): StudyReporter {
  let overall: Overall;
  let total = 0;
  let count = 0;
  let last = performance.now();
  const say = (text: string) => {
    last = performance.now();
    console.error(text);
  };
  const rest = () => {
    const left = overall.secondsLeft();
    return left === null ? '' : `, about ${duration(left)} left`;
  };
  return {
    begin: (runs, done) => {
      overall = new Overall(runs, (id) => done.has(id), study.weight);
      total = runs.length;
      count = runs.filter(({ id }) => done.has(id)).length;
      say(`${count} of ${total} runs are done`);
    },
    progress: (run, share, text) => {
      overall.progress(run.id, share);
      if (performance.now() - last > 30_000) say(`${percent(overall.share)}${rest()}: ${describe(study, run, text)}`);
    },
    done: (run, record) => {
      overall.done(run.id);
      count++;
      say(`[${count}/${total}] ${outcomeLine(study, run, record)} (${percent(overall.share)}${rest()})`);
    },
    notice: (text) => say(text),
  };
}

const percent = (share: number): string => `${Math.floor(100 * share)} %`;

function describe(study: Pick<Study, 'label'>, run: RunSpec, text: string): string {
  return text ? `${study.label(run)}: ${text}` : study.label(run);
}

function outcomeLine(study: Pick<Study, 'label'>, run: RunSpec, { status, result, about }: RunRecord): string {
  const label = study.label(run);
  if (status === 'blocked') return `${label}: blocked, since run ${result.by} diverged`;
  return `${label}: ${status}, ${duration(about.seconds)}`;
}
