import type { GemmSpec, OperandSpec, Problem } from '../../shaders/gemm/spec.js';
import { Tensor } from '../tensor/tensor.js';
import type { ConvAttrs } from './conv-geometry.js';
import { byStrips, type StripProblem } from './conv-strip.js';
import { weightByStrips } from './conv-weight-strip.js';
import { isDepthwise, launchDepthwiseForward, launchDepthwiseInput, launchDepthwiseWeight } from './depthwise.js';
import { launchGemm, type Product } from './gemm.js';

interface Sides {
  members: number;
  images: number;
  ci: number;
  co: number;
}

export function convForward(inputs: readonly Tensor[], attrs: ConvAttrs): Tensor {
  const [x, w, bias = null] = inputs;
  const sides = sidesOf(x, w, attrs);
  const lead = w.rank === 5 ? [sides.members] : [];
  const out = Tensor.empty('conv2d', x.device, 'f32', [...lead, sides.images, ...attrs.output, w.shape[w.rank - 4]]);
  if (isDepthwise(attrs, sides.ci, sides.co, [x, w])) {
    launchDepthwiseForward(attrs, x, w, bias, out);
    return out;
  }
  const strips: StripProblem = {
    ...{ op: 'conv2d', models: sides.members, images: sides.images, depth: sides.ci, rows: sides.co },
    ...{ source: x, weight: w, bias, out },
  };
  if (byStrips(attrs, strips)) return out;
  const byTap = sides.ci % 4 === 0;
  const taps = attrs.kernel[0] * attrs.kernel[1];
  const depth = byTap ? sides.ci : taps * sides.ci;
  launch('convForward', out, attrs, sides, w, x, bias, {
    rows: sides.co,
    cols: sides.images * attrs.output[0] * attrs.output[1],
    depth,
    length: taps * sides.ci,
    p: byTap || depth % 4 === 0 ? 'k4' : 'scalar',
    q: byTap ? 'k4' : 'scalar',
    store: { along: 'row', vector: sides.co % 4 === 0 },
  });
  return out;
}

export function convInput(g: Tensor, w: Tensor, attrs: ConvAttrs): Tensor {
  const sides = sidesOf(g, w, attrs);
  const lead = w.rank === 5 ? [sides.members] : [];
  const out = Tensor.empty('conv2dInput', g.device, 'f32', [
    ...lead,
    sides.images,
    ...attrs.input,
    sides.ci * attrs.groups,
  ]);
  if (isDepthwise(attrs, sides.ci, sides.co, [g, w])) {
    launchDepthwiseInput(attrs, g, w, out);
    return out;
  }
  const strips: StripProblem = {
    ...{ op: 'conv2dInput', models: sides.members, images: sides.images, depth: sides.co, rows: sides.ci },
    ...{ source: g, weight: w, bias: null, out },
  };
  if (byStrips(attrs, strips)) return out;
  const byTap = sides.co % 4 === 0;
  const taps = attrs.kernel[0] * attrs.kernel[1];
  const grid = [0, 1].map((a) => Math.ceil(attrs.input[a] / attrs.stride[a]));
  launch('convInput', out, attrs, sides, w, g, null, {
    rows: sides.ci,
    cols: sides.images * grid[0] * grid[1],
    depth: byTap ? sides.co : taps * sides.co,
    // Of all taps, a phase meets one in strideY * strideX.
    length: (taps * sides.co) / (attrs.stride[0] * attrs.stride[1]),
    p: sides.ci % 4 === 0 ? 'i4' : 'scalar',
    q: byTap ? 'k4' : 'scalar',
    store: { along: 'row', vector: sides.ci % 4 === 0 },
  });
  return out;
}

export function convWeight(x: Tensor, g: Tensor, attrs: ConvAttrs): Tensor {
  const channels = x.shape[x.rank - 1];
  const outChannels = g.shape[g.rank - 1];
  const members = g.rank === 5 ? g.shape[0] : x.rank === 5 ? x.shape[0] : 1;
  const sides: Sides = {
    members,
    images: g.shape[g.rank - 4],
    ci: channels / attrs.groups,
    co: outChannels / attrs.groups,
  };
  const lead = g.rank === 5 || x.rank === 5 ? [members] : [];
  const out = Tensor.empty('conv2dWeight', x.device, 'f32', [...lead, outChannels, ...attrs.kernel, sides.ci]);
  if (isDepthwise(attrs, sides.ci, sides.co, [x, g])) {
    launchDepthwiseWeight(attrs, x, g, out);
    return out;
  }
  const strips = { models: members, images: sides.images, depth: sides.ci, rows: sides.co, x, dy: g, out };
  if (weightByStrips(attrs, strips)) return out;
  const taps = attrs.kernel[0] * attrs.kernel[1];
  const pixels = sides.images * attrs.output[0] * attrs.output[1];
  launch('convWeight', out, attrs, sides, g, x, null, {
    rows: sides.co,
    cols: taps * sides.ci,
    depth: pixels,
    length: pixels,
    p: sides.co % 4 === 0 ? 'i4' : 'scalar',
    q: sides.ci % 4 === 0 ? 'i4' : 'scalar',
    store: { along: 'col', vector: (taps * sides.ci) % 4 === 0 },
  });
  return out;
}

function sidesOf(pixels: Tensor, w: Tensor, attrs: ConvAttrs): Sides {
  return {
    members: w.rank === 5 ? w.shape[0] : 1,
    images: pixels.shape[pixels.rank - 4],
    ci: w.shape[w.rank - 1],
    co: w.shape[w.rank - 4] / attrs.groups,
  };
}

interface Plan {
  rows: number;
  cols: number;
  depth: number;
  length: number;
  p: OperandSpec['load'];
  q: OperandSpec['load'];
  store: GemmSpec['store'];
}

function launch(
  problem: Problem,
  out: Tensor,
  attrs: ConvAttrs,
  s: Sides,
  p: Tensor,
  q: Tensor,
  bias: Tensor | null,
  plan: Plan,
): void {
  const { groups, kernel, input, output, stride, pad, dilation } = attrs;
  const part = (t: Tensor | null, elements: number) => (t && t.rank === 5 ? elements : 0);
  const [x, w, y] = problem === 'convForward' ? [q, p, out] : problem === 'convInput' ? [out, p, q] : [q, out, p];
  const spec: Omit<GemmSpec, 'tile'> = {
    problem,
    p: { load: plan.p, half: p.dtype === 'f16' },
    q: { load: plan.q, half: q.dtype === 'f16' },
    store: plan.store,
    bias: bias ? 'row' : 'none',
    activation: attrs.activation,
    tail: plan.depth % 4 !== 0,
  };
  const product: Product = {
    op: problem === 'convForward' ? 'conv2d' : problem === 'convInput' ? 'conv2dInput' : 'conv2dWeight',
    problem,
    rows: plan.rows,
    cols: plan.cols,
    depth: plan.depth,
    length: plan.length,
    parts: s.members * groups,
    phases: problem === 'convInput' ? stride[0] * stride[1] : 1,
    size: out.size,
    splittable: problem === 'convWeight',
    spec,
    p,
    q,
    bias,
    params: [
      groups,
      s.images,
      ...input,
      ...output,
      ...kernel,
      ...stride,
      ...pad,
      ...dilation,
      s.ci,
      s.co,
      part(x, s.images * input[0] * input[1] * s.ci * groups),
      part(w, s.co * groups * kernel[0] * kernel[1] * s.ci),
      part(y, s.images * output[0] * output[1] * s.co * groups),
      bias?.rank === 2 ? s.co * groups : 0,
    ],
  };
  launchGemm(x.device, product, out);
}
