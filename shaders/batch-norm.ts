import { wgsl } from 'wgsl-preprocessor/wgsl-preprocessor.js';
import type { BindingDecl, Shader } from '../src/gpu/kernel.js';

/**
 * Batch normalisation over rows: x [parts, rows, channels], statistics for each part and channel.
 *
 *   y = act((x - mean) * rstd * gamma + beta + residual)
 *
 * Every pass shares one walk: an invocation owns one channel (or four) and one chunk of rows, keeps what belongs to
 * the channel in registers, and strides down the rows. Chunks are combined in chunk order, so that results are the
 * same bytes every time.
 */
export interface BatchNormSpec {
  pass: 'moments' | 'apply' | 'gradientSums' | 'gradient';
  lanes: 1 | 4;
  relu: boolean;
  residual: boolean;
  workgroup: number;
}

const WALK = [
  ['rows', 'u32'],
  ['channels', 'u32'],
  ['chunks', 'u32'],
  ['chunk', 'u32'],
  ['total', 'u32'],
] as const;

/**
 * - moments: (mean, sum of squared deviations) of a chunk -> sums [parts, chunks, 2, channels]. Deviations are taken
 *   from the chunk's first row, which keeps the difference of squares small.
 * - apply: y from x and stats [parts, 2, channels] (mean, rstd).
 * - gradientSums: (sum dz, sum dz * xhat) of a chunk -> sums, dz being the cotangent behind the activation.
 * - gradient: dx = gamma rstd (dz - (sum dz + xhat sum dz xhat) / rows), and dz itself where there is a residual.
 * Cost: one read of each large input and one write of each large output a pass.
 */
export function batchNormShader(spec: BatchNormSpec): Shader {
  const { lanes, pass, relu, residual } = spec;
  const T = lanes === 4 ? 'vec4f' : 'f32';
  const read = (name: string): BindingDecl => ({ name, access: 'read', type: `array<${T}>` });
  const write = (name: string): BindingDecl => ({ name, access: 'read_write', type: `array<${T}>` });
  const dz = relu ? `select(${T}(0.0), g[at], y[at] > ${T}(0.0))` : 'g[at]';
  const xhat = '(x[at] - mean) * rstd';
  const statistics = `let mean = stats[part * 2u * P.channels + channel];
  let rstd = stats[(part * 2u + 1u) * P.channels + channel];`;
  const place = '(part * P.chunks + chunk) * 2u * P.channels + channel';
  const passes: Record<BatchNormSpec['pass'], { bindings: BindingDecl[]; before: string; row: string; after: string }> =
    {
      moments: {
        bindings: [read('x'), write('sums')],
        before: `let shift = x[base + first * P.channels];
  var s = ${T}(0.0);
  var ss = ${T}(0.0);`,
        row: `let d = x[at] - shift;
    s += d;
    ss += d * d;`,
        after: `let count = f32(end - first);
  sums[${place}] = shift + s / count;
  sums[${place} + P.channels] = max(ss - s * s / count, ${T}(0.0));`,
      },
      apply: {
        bindings: [
          read('x'),
          read('stats'),
          read('gamma'),
          read('beta'),
          ...(residual ? [read('r')] : []),
          write('out'),
        ],
        before: `${statistics}
  let scale = rstd * gamma[part * P.channels + channel];
  let offset = beta[part * P.channels + channel];`,
        row: `let v = (x[at] - mean) * scale + offset${residual ? ' + r[at]' : ''};
    out[at] = ${relu ? `select(v, ${T}(0.0), v <= ${T}(0.0))` : 'v'};`,
        after: '',
      },
      gradientSums: {
        bindings: [read('x'), read('stats'), read('g'), ...(relu ? [read('y')] : []), write('sums')],
        before: `${statistics}
  var s = ${T}(0.0);
  var sx = ${T}(0.0);`,
        row: `let dz = ${dz};
    s += dz;
    sx += dz * (${xhat});`,
        after: `sums[${place}] = s;
  sums[${place} + P.channels] = sx;`,
      },
      gradient: {
        bindings: [
          read('x'),
          read('stats'),
          read('g'),
          ...(relu ? [read('y')] : []),
          read('gamma'),
          read('totals'),
          write('dx'),
          ...(residual ? [write('dr')] : []),
        ],
        before: `${statistics}
  let scale = rstd * gamma[part * P.channels + channel];
  let inverse = 1.0 / f32(P.rows);
  let s = totals[part * 2u * P.channels + channel] * inverse;
  let sx = totals[(part * 2u + 1u) * P.channels + channel] * inverse;`,
        row: `let dz = ${dz};
    dx[at] = scale * (dz - s - (${xhat}) * sx);
    ${residual ? 'dr[at] = dz;' : ''}`,
        after: '',
      },
    };
  const p = passes[pass];
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = gid.x + gid.y * groups.x * ${spec.workgroup}u;
  if (index >= P.total) { return; }
  let channel = index % P.channels;
  let rest = index / P.channels;
  let chunk = rest % P.chunks;
  let part = rest / P.chunks;
  let first = chunk * P.chunk;
  let end = min(first + P.chunk, P.rows);
  let base = part * P.rows * P.channels + channel;
  ${p.before}
  for (var row = first; row < end; row++) {
    let at = base + row * P.channels;
    ${p.row}
  }
  ${p.after}
}`;
  return { code, bindings: p.bindings, params: WALK };
}

/** How chunks become statistics of a channel. */
export interface CombineSpec {
  /** `moments` also moves running statistics; `sums` adds. */
  combine: 'moments' | 'sums';
  running: boolean;
  workgroup: number;
}

/**
 * Combines sums [parts, chunks, 2, channels] into [parts, 2, channels]: (mean, 1 / sqrt(variance + eps)) by Chan's
 * pairwise formula in chunk order, with means counted from the first chunk's so that they round once, or plain totals.
 * Running statistics move by `momentum` towards the batch's (the variance unbiased).
 */
export function combineShader(spec: CombineSpec): Shader {
  const moments = spec.combine === 'moments';
  const code = wgsl`
@compute @workgroup_size(${spec.workgroup})
fn main(@builtin(global_invocation_id) gid: vec3u) {
  if (gid.x >= P.total) { return; }
  let channel = gid.x % P.channels;
  let part = gid.x / P.channels;
#if ${moments}
  let shift = sums[part * P.chunks * 2u * P.channels + channel];
#endif
  var a = 0.0;
  var b = 0.0;
  var count = 0.0;
  for (var chunk = 0u; chunk < P.chunks; chunk++) {
    let at = (part * P.chunks + chunk) * 2u * P.channels + channel;
#if ${moments}
    let n = f32(min(P.chunk, P.rows - chunk * P.chunk));
    let d = sums[at] - shift - a;
    let both = count + n;
    a += d * (n / both);
    b += sums[at + P.channels] + d * d * (count * n / both);
    count = both;
#else
    a += sums[at];
    b += sums[at + P.channels];
#endif
  }
  let to = part * 2u * P.channels + channel;
#if ${moments}
  let variance = b / count;
  let mean = shift + a;
  out[to] = mean;
  out[to + P.channels] = inverseSqrt(variance + P.eps);
#if ${spec.running}
  let i = part * P.channels + channel;
  runningMean[i] = mix(runningMean[i], mean, P.momentum);
  runningVariance[i] = mix(runningVariance[i], b / max(count - 1.0, 1.0), P.momentum);
#endif
#else
  out[to] = a;
  out[to + P.channels] = b;
#endif
}`;
  const write = (name: string): BindingDecl => ({ name, access: 'read_write', type: 'array<f32>' });
  return {
    code,
    bindings: [
      { name: 'sums', access: 'read', type: 'array<f32>' },
      write('out'),
      ...(spec.running ? [write('runningMean'), write('runningVariance')] : []),
    ],
    params: [...WALK, ['eps', 'f32'], ['momentum', 'f32']],
  };
}
