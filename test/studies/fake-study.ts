import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { add, mul, type Tensor, tensor } from '../../src/index.js';
import {
  type RunContext,
  type RunOutcome,
  type RunSpec,
  runId,
  StoppedError,
  type Study,
} from '../../src/studies/index.js';

const schema = z.strictObject({
  seeds: z.array(z.int().min(0)).min(1).describe('one parent each'),
  sparsities: z.array(z.number().gt(0).lt(1)).describe('children of every parent'),
  training: z.strictObject({
    steps: z.int().min(1).describe('steps of every run'),
    pause: z.number().min(0).describe('milliseconds a step'),
    diverge: z.array(z.int()).describe('seeds whose parents diverge'),
  }),
  data: z.discriminatedUnion('source', [
    z.strictObject({ source: z.literal('digits'), size: z.int().min(1).describe('pixels') }),
    z.strictObject({ source: z.literal('mnist'), train: z.int().nullable() }),
  ]),
});
export type FakeConfig = z.infer<typeof schema>;

export const SMALL: FakeConfig = {
  seeds: [0, 1, 2],
  sparsities: [0.5, 0.9],
  training: { steps: 6, pause: 0, diverge: [] },
  data: { source: 'digits', size: 8 },
};

/** More milliseconds a step, which no configuration knows of: the same study, slow enough to be caught at work. */
const SLOWER = Number(process.env.FAKE_STUDY_SLOWER ?? 0);

export interface FakeHooks {
  usesDevice?: boolean;
  revision?: number;
  /** Called at every step of every run. */
  onStep?: (run: RunSpec, step: number, context: RunContext) => void | Promise<void>;
}

/**
 * Parents, children that take their parent's file, and comparisons of the two. What a run computes hangs on every step
 * and, where it has a parent, on the parent's bytes; it saves a checkpoint every other step.
 */
export function fakeStudy({ usesDevice = false, revision = 1, onStep }: FakeHooks = {}): Study<FakeConfig> {
  const spec = (config: RunSpec['config'], needs: string[] = []): RunSpec => {
    const whole = { study: 'fake', revision, ...config };
    return { id: runId('fake', revision, whole), config: whole, needs };
  };
  return {
    name: 'fake',
    title: 'A study of nothing',
    revision,
    schema,
    usesDevice,
    presets: {
      small: { description: 'three parents', config: SMALL },
      slow: { description: 'pauses', config: { ...SMALL, training: { ...SMALL.training, pause: 5 } } },
    },
    expand: ({ seeds, sparsities, training }) =>
      seeds.flatMap((seed) => {
        const diverges = training.diverge.includes(seed);
        const parent = spec({ kind: 'parent', seed, steps: training.steps, pause: training.pause, diverges });
        const children = sparsities.flatMap((sparsity) => {
          const { steps, pause } = training;
          const child = spec({ kind: 'child', parent: parent.id, sparsity, steps, pause }, [parent.id]);
          const pair = { kind: 'pair', a: parent.id, b: child.id, steps: 1, pause };
          return [child, spec(pair, [parent.id, child.id])];
        });
        return [parent, ...children];
      }),
    label: ({ config }) => `${config.kind} ${config.seed ?? config.sparsity ?? ''}`.trim(),
    weight: ({ config }) => Number(config.steps),
    execute: (run, context) => execute(run, context, usesDevice, onStep),
    summary: (_, records) => `${records.size} records`,
    report: async ({ folder, records, plan }) => {
      const path = join(folder, 'report.html');
      writeFileSync(path, `${records.size} of ${plan.length}`);
      return path;
    },
  };
}

async function execute(
  run: RunSpec,
  context: RunContext,
  usesDevice: boolean,
  onStep: FakeHooks['onStep'],
): Promise<RunOutcome> {
  const { steps, pause, diverges } = run.config as { steps: number; pause: number; diverges?: boolean };
  const saved = await context.checkpoint.load();
  let { step, value } = saved ? JSON.parse(text(saved)) : { step: 0, value: await first(run, context) };
  const shift = usesDevice ? await context.shared('shift', async () => tensor(context.device, [0.25])) : null;
  while (step < steps) {
    if (context.signal.aborted) {
      await context.checkpoint.save(bytes({ step, value }));
      throw new StoppedError();
    }
    step++;
    if (diverges && step === 3) return { status: 'diverged', result: { step } };
    value = (Math.imul(value, 1664525) + 1013904223 + step) >>> 0;
    if (shift) value = await onDevice(shift, value);
    await onStep?.(run, step, context);
    if (pause + SLOWER > 0) await delay(pause + SLOWER);
    context.progress(step / steps, `step ${step}`);
    if (step % 2 === 0) await context.checkpoint.save(bytes({ step, value }));
  }
  await context.files().write('value.json', bytes({ value }));
  return { status: 'finished', result: { value } };
}

/** What a run begins with: the hash of its configuration, and the files of those that it needs. */
async function first(run: RunSpec, context: RunContext): Promise<number> {
  let value = Number.parseInt(run.id.slice(0, 8), 16);
  for (const id of run.needs) {
    const file = JSON.parse(text(await context.files(id).read('value.json')));
    if (file.value !== context.need(id).result.value) throw new Error(`the file of ${id} is not its result`);
    value ^= file.value;
  }
  return value >>> 0;
}

/** Exact in f32: a number of 20 bits times 4, plus a quarter. */
async function onDevice(shift: Tensor, value: number): Promise<number> {
  const x = tensor(shift.device, [value >>> 12]);
  const product = mul(x, 4);
  const sum = add(product, shift);
  const [y] = await sum.data();
  for (const t of [x, product, sum]) t.dispose();
  return (value + 4 * y) >>> 0;
}

const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value));
const text = (data: Uint8Array) => new TextDecoder().decode(data);

export default fakeStudy();
