import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import { defineKernel, type Shader } from '../src/gpu/kernel.js';
import { type Device, Tensor } from '../src/index.js';

/**
 * Matrix products as they are written first: C [m, n] = A [m, k] B [k, n], row-major, all sizes multiples of 16. They
 * are here to show what each step of the engine's kernels gains, and are not part of the package.
 */
export type Step = 'naive' | 'shared' | 'registers';

const shader = (code: string, element: 'f32' | 'vec4f'): Shader => ({
  code,
  bindings: [
    { name: 'a', access: 'read', type: `array<${element}>` },
    { name: 'b', access: 'read', type: `array<${element}>` },
    { name: 'c', access: 'read_write', type: `array<${element}>` },
  ],
  params: [
    ['m', 'u32'],
    ['n', 'u32'],
    ['k', 'u32'],
  ],
});

/** One invocation an element, straight from storage: 2 loads a multiply-add. */
const NAIVE = wgsl`
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= P.n || id.y >= P.m) { return; }
  var sum = 0.0;
  for (var k = 0u; k < P.k; k++) {
    sum += a[id.y * P.k + k] * b[k * P.n + id.x];
  }
  c[id.y * P.n + id.x] = sum;
}`;

/** Tiles of 16 x 16 in workgroup memory, one element an invocation: the textbook's GPU kernel. */
const SHARED = wgsl`
var<workgroup> tileA: array<f32, 256>;
var<workgroup> tileB: array<f32, 256>;
@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let at = local.y * 16u + local.x;
  var sum = 0.0;
  for (var k0 = 0u; k0 < P.k; k0 += 16u) {
    tileA[at] = a[id.y * P.k + k0 + local.x];
    tileB[at] = b[(k0 + local.y) * P.n + id.x];
    workgroupBarrier();
    let end = min(16u, P.k - k0);
    for (var k = 0u; k < end; k++) {
      sum += tileA[local.y * 16u + k] * tileB[k * 16u + local.x];
    }
    workgroupBarrier();
  }
  c[id.y * P.n + id.x] = sum;
}`;

/** An 8 x 4 block of C in registers, vec4 loads from storage: 12 vector loads for 128 multiply-adds. */
const REGISTERS = wgsl`
@compute @workgroup_size(8, 4)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row0 = id.y * 8u;
  if (id.x * 4u >= P.n || row0 >= P.m) { return; }
  let width = P.n / 4u;
  let depth = P.k / 4u;
  ${rows((i) => `var s${i} = vec4f();`)}
  for (var k = 0u; k < depth; k++) {
    ${[0, 1, 2, 3].map((j) => `let b${j} = b[(4u * k + ${j}u) * width + id.x];`).join('\n    ')}
    ${rows((i) => `let a${i} = a[(row0 + ${i}u) * depth + k];`)}
    ${rows((i) => `s${i} = fma(vec4f(a${i}.w), b3, fma(vec4f(a${i}.z), b2, fma(vec4f(a${i}.y), b1, fma(vec4f(a${i}.x), b0, s${i}))));`)}
  }
  ${rows((i) => `c[(row0 + ${i}u) * width + id.x] = s${i};`)}
}`;

function rows(f: (i: number) => string): string {
  return Array.from({ length: 8 }, (_, i) => f(i)).join('\n  ');
}

const STEPS: Record<Step, { shader: Shader; tile: [cols: number, rows: number] }> = {
  naive: { shader: shader(NAIVE, 'f32'), tile: [8, 8] },
  shared: { shader: shader(SHARED, 'f32'), tile: [16, 16] },
  registers: { shader: shader(REGISTERS, 'vec4f'), tile: [32, 32] },
};

const kernel = defineKernel<Step>({ name: 'ladder', shader: (step) => STEPS[step].shader });

/** Multiplies by one of the steps. */
export function ladderProduct(device: Device, step: Step, a: Tensor, b: Tensor): Tensor {
  const [m, k] = a.shape;
  const n = b.shape[1];
  for (const size of [m, n, k])
    if (size % 16 !== 0)
      throw new RangeError(`ladder: expected sizes that are multiples of 16, got ${m} x ${n} x ${k}`);
  const c = Tensor.empty('ladder', device, 'f32', [m, n]);
  const [cols, rowsOfTile] = STEPS[step].tile;
  device.run(kernel, step, {
    bindings: [a, b, c].map((t) => t.binding('ladder')),
    params: [m, n, k],
    grid: [Math.ceil(n / cols), Math.ceil(m / rowsOfTile), 1],
    cost: { flops: 2 * m * n * k, bytes: 4 * (m * k + k * n + m * n) },
  });
  return c;
}
