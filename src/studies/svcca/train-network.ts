import { ImageLoader } from '../../data/loader.js';
import { FormatError } from '../../gpu/errors.js';
import type { Model } from '../../nn/model.js';
import { adam, type Optimiser, sgd } from '../../optim/optimiser.js';
import { constantSchedule, cosine, multiStep, type Schedule } from '../../optim/schedules.js';
import type { Json, JsonObject } from '../../store/record.js';
import type { Tensor } from '../../tensor/tensor.js';
import { evaluate } from '../../train/evaluate.js';
import type { EpochRecord } from '../../train/progress.js';
import { type TrainOptions, train } from '../../train/train.js';
import { type RunContext, StoppedError } from '../study.js';
import type { Training } from './config.js';
import type { StudyData } from './data.js';
import type { NetworkResult } from './types.js';

/** Where a run of several rounds stands, beside what a training checkpoint holds. */
export interface RunState extends JsonObject {
  /** The round under way, from 1. */
  readonly round: number;
  readonly history: NetworkResult['history'];
  readonly stages: NetworkResult['stages'];
}

export const FIRST_STATE: RunState = { round: 1, history: [], stages: [] };

/** A run's checkpoint: its state, and the training checkpoint of the round under way. */
export interface RunCheckpoint {
  readonly state: RunState;
  readonly training: Uint8Array;
}

/** Steps between checkpoints, at least: what a killed run loses takes seconds to do again. */
const CHECKPOINT_STEPS = 400;

/** A model that trains, with everything that stays the same from round to round. */
export interface Job {
  readonly model: Model;
  readonly data: StudyData;
  readonly loader: ImageLoader;
  readonly training: Training;
  readonly context: RunContext;
  /** Rounds in all, for progress. */
  readonly rounds: number;
}

/** One training: all of a run's, or that of one round. */
export interface Phase {
  readonly state: RunState;
  readonly mask: Tensor | null;
  readonly between?: TrainOptions['between'];
  /** A training checkpoint of this round to go on from. */
  readonly resume?: Uint8Array;
}

/** Ends a run whose loss was not finite. */
export class Diverged {
  constructor(
    readonly step: number,
    readonly history: NetworkResult['history'],
  ) {}
}

export const loaderFor = (data: StudyData, { batch, crop, flip }: Training, seed: number): ImageLoader =>
  new ImageLoader(data.train, batch, { seed, augmentation: { crop, flip } });

/**
 * Trains for the epochs of a round and gives the run's history with them.
 *
 * @throws StoppedError once a checkpoint is saved, where the study is to stop
 */
export async function trainPhase(job: Job, phase: Phase): Promise<NetworkResult['history'] | Diverged> {
  const { model, data, loader, training, context } = job;
  const { state, mask, between, resume } = phase;
  const { epochs } = training;
  const optimiser = optimiserFor(model, training, loader.batches);
  const measures = (epoch: number) => training.evaluateEvery > 0 && epoch % training.evaluateEvery === 0;
  try {
    const result = await train(model, optimiser, loader, {
      epochs,
      mask: mask ?? undefined,
      between,
      resume,
      signal: context.signal,
      config: { round: state.round },
      onEpoch: async ({ epoch }): Promise<Record<string, number>> =>
        measures(epoch) ? { accuracy: (await evaluate(model, data.inputs, data.targets)).accuracy } : {},
      checkpoint: {
        every: Math.max(CHECKPOINT_STEPS, loader.batches),
        save: (bytes) => context.checkpoint.save(encodeRunCheckpoint({ state, training: bytes })),
      },
      reporters: [
        {
          progress: ({ step, steps, loss }) =>
            context.progress(
              (0.98 * (state.round - 1 + step / steps)) / job.rounds,
              `epoch ${Math.ceil((step * epochs) / steps)} of ${epochs}, loss ${loss.toFixed(3)}`,
            ),
        },
      ],
    });
    const history = [...state.history, ...result.history.map((record) => epochOf(record, state.round))];
    if (result.status === 'stopped') throw new StoppedError();
    if (result.status === 'finished') return history;
    return new Diverged((state.round - 1) * epochs * loader.batches + result.step, history);
  } finally {
    optimiser.dispose();
  }
}

const epochOf = ({ epoch, loss, learningRate, measured }: EpochRecord, round: number) => ({
  round,
  epoch,
  loss,
  learningRate,
  accuracy: measured.accuracy ?? null,
});

function optimiserFor({ parameters }: Model, training: Training, batches: number): Optimiser {
  const { optimiser, lr, momentum, weightDecay } = training;
  const options = { lr, weightDecay, schedule: scheduleFor(training, batches) };
  if (optimiser === 'adam') return adam(parameters, options);
  return sgd(parameters, { ...options, momentum, nesterov: optimiser === 'nesterov' });
}

function scheduleFor({ schedule, epochs }: Training, batches: number): Schedule {
  if (schedule.kind === 'constant') return constantSchedule();
  if (schedule.kind === 'cosine') return cosine(epochs * batches);
  const steps = schedule.epochs.map((epoch) => epoch * batches);
  return multiStep(steps, schedule.factor);
}

/** The length of the state's JSON (u32, little endian), the JSON, and the training checkpoint. */
export function encodeRunCheckpoint({ state, training }: RunCheckpoint): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(state));
  const bytes = new Uint8Array(4 + json.length + training.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  bytes.set(training, 4 + json.length);
  return bytes;
}

/** @throws FormatError for bytes that end early or hold no state; the training checkpoint is checked by who reads it */
export function decodeRunCheckpoint(bytes: Uint8Array): RunCheckpoint {
  const broken = (expected: string, got: string) => new FormatError('checkpoint', 'byte 0', expected, got);
  if (bytes.length < 4) throw broken('the length of a state', `${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (bytes.length < 4 + length) throw broken(`a state of ${length} bytes`, `${bytes.length} bytes in all`);
  let state: Json;
  try {
    state = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Json;
  } catch (error) {
    throw broken('the state as JSON', (error as Error).message);
  }
  return { state: state as RunState, training: bytes.slice(4 + length) };
}
