import { appendFileSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Reporter } from '../progress.js';
import { encodeScalarEvent, encodeVersionEvent } from '../tensorboard.js';

const seconds = (): number => Date.now() / 1000;

/**
 * Writes a run's losses, learning rates, speed and measurements as a TensorBoard event file into a folder, which is made
 * if need be. Every run, resumed ones too, makes a file of its own; TensorBoard reads all of a folder.
 */
export function tensorboard(folder: string): Reporter & { readonly path: string } {
  mkdirSync(folder, { recursive: true });
  const begun = seconds();
  // Names must sort by time; the process keeps runs of one second apart.
  const path = join(folder, `events.out.tfevents.${begun.toFixed(3)}.${hostname()}.${process.pid}`);
  appendFileSync(path, encodeVersionEvent(begun));
  const append = (step: number, scalars: Record<string, number>) =>
    appendFileSync(path, encodeScalarEvent({ wallTime: seconds(), step, scalars }));
  return {
    path,
    progress: ({ step, loss, rate }) => append(step, { 'train/loss': loss, 'train/inputs per second': rate }),
    epoch: ({ step, loss, learningRate, measured }) =>
      append(step, { 'epoch/loss': loss, 'epoch/learning rate': learningRate, ...measured }),
  };
}
