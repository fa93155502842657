import { z } from 'zod';
import { SCHEDULES } from './enumerate.js';
import { PRUNERS } from './types.js';

const whole = (least: number, most = Number.MAX_SAFE_INTEGER) => z.int().min(least).max(most);
const distinct = (values: readonly unknown[]) => new Set(values.map((v) => JSON.stringify(v))).size === values.length;
const once = 'each one once';

const widths = z.tuple([whole(1, 16), whole(1, 16), whole(1, 16)]);
const rate = z.number().gt(0).max(100);
const schedule = z.enum(SCHEDULES);
const rates = z.array(rate).min(1).refine(distinct, once).describe('learning rates');
const schedules = z
  .array(schedule)
  .min(1)
  .refine(distinct, once)
  .describe('how the rate falls: half a cosine, by 10 at epochs 15 and 30, or not at all');
const target = z.union([z.literal(0.95), z.literal(0.995)]).describe('accuracy to reach');
const initialisation = z
  .enum(['random', 'fixed'])
  .describe('every run draws its first weights, or all take those of one network');
const repeats = whole(1, 1000).describe('trainings with every setting');

const structured = z.strictObject({
  initialisation,
  target: target.nullable().describe('what the fixed first weights are for; null where they are random'),
  most: whole(1, 16).describe('all networks of up to so many units a layer are trained'),
  below: widths.nullable().describe('only networks of fewer parameters than that of these widths; null: all'),
  ...{ rates, schedules },
});

const search = z.strictObject({
  target,
  initialisation,
  widths: z
    .union([widths, z.literal('winner')])
    .describe('the dense network whose weights are masked; winner: the smallest of phase 1 that reaches the target'),
  truncation: z
    .strictObject({
      onesBelow: whole(1).describe('only masks of fewer weights in the first three layers'),
      secondLayer: whole(1).describe('only so many masks of the second layer, for each number of weights'),
    })
    .nullable()
    .describe('what the paper leaves out at 99.5 %; null: nothing'),
  weights: z
    .strictObject({ least: whole(1), most: whole(1) })
    .nullable()
    .describe('only masks that keep so many weights, those of the last layer included; null: all'),
  ...{ rates, schedules, repeats },
});

const continuation = z.strictObject({
  target,
  initialisation,
  widths,
  minutes: z.number().gt(0).describe('time to go on for; more minutes later go on from where fewer ended'),
  sliceMinutes: z.number().gt(0).describe('time between records'),
  ...{ rates, schedules },
});

const methods = z.strictObject({
  initialisation,
  target: target.nullable().describe('what the fixed first weights are for; null where they are random'),
  methods: z.array(z.enum(PRUNERS)).min(1).refine(distinct, once).describe('how networks are pruned'),
  widths: z.array(whole(1, 1024)).min(1).refine(distinct, once).describe('units of each hidden layer'),
  budgets: z
    .array(whole(1))
    .min(1)
    .refine(distinct, once)
    .describe('weights to keep; widths with no more weights than that leave a budget out'),
  ...{ rates, schedules, repeats },
});

/** What can be asked of the study. */
export const spiralSchema = z.strictObject({
  seed: whole(0, 2 ** 31 - 1).describe('what first weights and orders of points are drawn from'),
  epochs: whole(1, 50).describe('epochs of training; the schedules are made for 50'),
  fixedSeeds: z
    .strictObject({ at95: whole(0), at995: whole(0) })
    .describe('seeds of the networks of width 16 that fixed first weights are taken from, for each target'),
  reference: z
    .strictObject({
      seeds: whole(1, 100_000).describe('networks a row'),
      orders: whole(1).describe('orders of points that they are divided among'),
      rows: z
        .array(z.strictObject({ widths, rate, schedule }))
        .refine(distinct, once)
        .describe('dense networks whose accuracies are known'),
    })
    .describe('dense networks to compare with the published distribution'),
  structured: z.array(structured).refine(distinct, once).describe('phase 1 of searches: dense networks'),
  searches: z.array(search).refine(distinct, once).describe('phase 2 of searches: masks'),
  continuation: continuation.nullable().describe('phase 2 beyond its truncation, best-first; null: not'),
  methods: z.array(methods).refine(distinct, once).describe('pruning methods'),
  blockRuns: whole(1).describe('runs that are trained and recorded together, about'),
});

export type SpiralConfig = z.infer<typeof spiralSchema>;
export type StructuredConfig = SpiralConfig['structured'][number];
export type SearchConfig = SpiralConfig['searches'][number];
export type ContinuationConfig = NonNullable<SpiralConfig['continuation']>;
export type MethodsConfig = SpiralConfig['methods'][number];
