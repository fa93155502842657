import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { defineKernel, foldGrid } from '../src/gpu/kernel.js';
import type { Device } from '../src/index.js';
import { Tensor } from '../src/tensor/tensor.js';
import { deviceWork, profileCall } from './device-work.js';
import { verify } from './harness.js';
import { type Summary, summarise } from './stats.js';

/** What this device can do at most, as measured. */
export interface Roofline {
  /** Multiply-adds from registers alone, two operations each, in GFLOP/s. */
  gflops: number;
  /** Bytes read and written by a large copy, in GB/s. */
  gbps: number;
  /** The shape of the fastest kernel of each kind, and its times of one call in ms. */
  detail: { fma: string; copy: string; fmaMs: Summary; copyMs: Summary };
}

interface FmaSpec {
  workgroup: number;
  /** Independent chains of vec4 multiply-adds in one invocation. */
  chains: number;
}

/** Multiply-adds in one turn of a chain's loop. */
const UNROLL = 8;

/**
 * a <- a m + c, over and over, in `chains` independent vec4 registers of each invocation; nothing is read, and one
 * number an invocation is written. With m + c = 1 every chain ends at 1, which is what the result is checked by.
 * Cost: 8 chains UNROLL steps flops an invocation.
 */
const fmaKernel = defineKernel<FmaSpec>({
  name: 'roofline-fma',
  shader: ({ workgroup, chains }) => {
    const each = (f: (i: number) => string, by = '\n') => Array.from({ length: chains }, (_, i) => f(i)).join(by);
    const turn = each((i) => `a${i} = fma(a${i}, m, c);`);
    return {
      code: wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = (group.y * groups.x + group.x) * ${workgroup}u + lane;
  let m = vec4f(P.m);
  let c = vec4f(P.c);
  // No two components alike, or the compiler would compute them once.
  let start = vec4f(0.125, 0.25, 0.5, 0.75) * f32(lane % 8u + 1u);
  ${each((i) => `var a${i} = start + ${(i / 16).toFixed(4)};`)}
  for (var i = 0u; i < P.steps; i++) {
    ${Array.from({ length: UNROLL }, () => turn).join('\n')}
  }
  let sum = ${each((i) => `a${i}`, ' + ')};
  result[id] = sum.x + sum.y + sum.z + sum.w;
}`,
      bindings: [{ name: 'result', access: 'read_write', type: 'array<f32>' }],
      params: [
        ['steps', 'u32'],
        ['m', 'f32'],
        ['c', 'f32'],
      ],
    };
  },
});

/** to <- from, four numbers at a time, by a fixed number of invocations that stride over all. Cost: 2 bytes a byte. */
const copyKernel = defineKernel<{ workgroup: number }>({
  name: 'roofline-copy',
  shader: ({ workgroup }) => ({
    code: wgsl`
@compute @workgroup_size(${workgroup})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let stride = groups.x * ${workgroup}u;
  for (var i = group.x * ${workgroup}u + lane; i < P.vectors; i += stride) {
    result[i] = source[i];
  }
}`,
    bindings: [
      { name: 'source', access: 'read', type: 'array<vec4f>' },
      { name: 'result', access: 'read_write', type: 'array<vec4f>' },
    ],
    params: [['vectors', 'u32']],
  }),
});

/** Measures both roofs in about `ms` milliseconds; the fastest of a few shapes counts. */
export async function measureRoofline(device: Device, ms: number): Promise<Roofline> {
  const fma = await measureFma(device, ms / 2);
  const copy = await measureCopy(device, ms / 2);
  return {
    gflops: fma.rate,
    gbps: copy.rate,
    detail: { fma: fma.shape, copy: copy.shape, fmaMs: fma.ms, copyMs: copy.ms },
  };
}

/** The higher of two measurements: other work on the machine only ever lowers one. */
export function higher(a: Roofline, b: Roofline): Roofline {
  const fma = a.gflops >= b.gflops ? a : b;
  const copy = a.gbps >= b.gbps ? a : b;
  return {
    gflops: fma.gflops,
    gbps: copy.gbps,
    detail: { fma: fma.detail.fma, fmaMs: fma.detail.fmaMs, copy: copy.detail.copy, copyMs: copy.detail.copyMs },
  };
}

interface Roof {
  rate: number;
  shape: string;
  ms: Summary;
}

const fastest = (roofs: readonly Roof[]): Roof => roofs.reduce((a, b) => (b.rate > a.rate ? b : a));

async function measureFma(device: Device, ms: number): Promise<Roof> {
  const software = device.deviceClass === 'software';
  const workgroup = software ? Math.max(8, device.subgroupSize) : 256;
  // Software: enough workgroups to share out evenly. GPUs: enough to fill every processor several times.
  const groups = software ? 32 * (device.driver?.cores ?? 4) : 4096;
  const choices = software ? [2, 3, 4] : [2, 4, 8];
  const roofs: Roof[] = [];
  for (const chains of choices) {
    const out = Tensor.empty('roofline', device, 'f32', [groups * workgroup]);
    const run = (steps: number) => {
      device.run(
        fmaKernel,
        { workgroup, chains },
        {
          bindings: [out.binding('roofline')],
          params: [steps, 0.75, 0.25],
          grid: foldGrid(groups, device.limits.maxWorkgroups),
        },
      );
    };
    try {
      // The first turns bring every chain to its fixed point; then as many as make a call of a few milliseconds.
      run(16);
      const first = (await out.data()) as Float32Array;
      const error = first.reduce((worst, x) => Math.max(worst, Math.abs(x / (4 * chains) - 1)), 0);
      verify({ what: 'roofline multiply-adds', error, tolerance: 1e-5 });
      let steps = 64;
      while (steps < 2 ** 20 && (await time(device, () => run(steps), 1)).median < (software ? 10 : 2)) steps *= 2;
      const times = await time(device, () => run(steps), sampleCount(ms / choices.length, software ? 15 : 3));
      const flops = groups * workgroup * steps * UNROLL * chains * 8;
      roofs.push({
        rate: flops / times.median / 1e6,
        shape: `${chains} chains, ${groups} workgroups of ${workgroup}`,
        ms: times,
      });
    } finally {
      out.dispose();
    }
  }
  return fastest(roofs);
}

async function measureCopy(device: Device, ms: number): Promise<Roof> {
  const software = device.deviceClass === 'software';
  const bytes = Math.min(software ? 2 ** 26 : 2 ** 29, device.limits.maxBinding);
  const vectors = Math.floor(bytes / 16);
  const choices = software
    ? [
        { workgroup: 16, groups: 256 },
        { workgroup: 64, groups: 256 },
      ]
    : [
        { workgroup: 256, groups: 8192 },
        { workgroup: 256, groups: 65_535 },
      ];
  const from = Tensor.empty('roofline', device, 'f32', [vectors * 4]);
  const to = Tensor.empty('roofline', device, 'f32', [vectors * 4]);
  try {
    const pattern = Float32Array.from({ length: 4096 }, (_, i) => i + 0.5);
    const head = from.view('roofline', [pattern.length]);
    const tail = from.view('roofline', [pattern.length], vectors * 4 - pattern.length);
    head.write(pattern);
    tail.write(pattern);
    const roofs: Roof[] = [];
    for (const { workgroup, groups } of choices) {
      const run = () => {
        device.run(
          copyKernel,
          { workgroup },
          { bindings: [from.binding('roofline'), to.binding('roofline')], params: [vectors], grid: [groups, 1, 1] },
        );
      };
      run();
      for (const at of [0, vectors * 4 - pattern.length]) {
        const part = to.view('roofline', [pattern.length], at);
        const copied = await part.data();
        part.dispose();
        verify({ what: 'roofline copy', error: pattern.filter((x, i) => copied[i] !== x).length, tolerance: 0 });
      }
      const times = await time(device, run, sampleCount(ms / choices.length, software ? 25 : 1));
      roofs.push({
        rate: (2 * vectors * 16) / times.median / 1e6,
        shape: `${groups} workgroups of ${workgroup}, ${vectors * 16} bytes`,
        ms: times,
      });
    }
    head.dispose();
    tail.dispose();
    return fastest(roofs);
  } finally {
    from.dispose();
    to.dispose();
  }
}

const sampleCount = (ms: number, each: number): number => Math.max(5, Math.min(40, Math.floor(ms / each)));

/** Times of single calls in ms: GPU timestamps where there are any, else the wall time of eight calls, by eight. */
async function time(device: Device, run: () => void, samples: number): Promise<Summary> {
  const all: number[] = [];
  if (device.hasTimestamps) {
    for (let i = 0; i < samples; i++) all.push((await profileCall(device, run)).reduce((sum, k) => sum + k.ms, 0));
  } else {
    const work = deviceWork(device, { call: run, check: { what: '', error: 0, tolerance: 0 }, dispose: () => {} });
    for (let i = 0; i < samples; i++) all.push(await work.sample(8));
  }
  return summarise(all);
}
