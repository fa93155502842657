import { type GemmSpec, walksTaps } from './spec.js';

/**
 * WGSL that loads the lane side. Each step leaves `b<v>_0..b<v>_3` for every group v of four columns: vec4f of those
 * columns for k..k+3.
 */
export interface ColLoader {
  start: string;
  /** Run when the tap's row and column change. */
  tapRow: string;
  tap: string;
  step: string;
}

const X = 'xyzw';
const list = (n: number, f: (i: number) => string): string[] => Array.from({ length: n }, (_, i) => f(i));
const lines = (n: number, f: (i: number) => string): string => list(n, f).join('\n');

/** Columns `c<v>_j` in registers, vec4 along k, seen as b (k, vec4 along columns): renaming, no instructions. */
const transpose = (v: number) =>
  lines(4, (k) => `let b${v}_${k} = vec4f(${list(4, (j) => `c${v}_${j}.${X[k]}`).join(', ')});`);

/** `quads` groups of four columns a lane; the kernel defines their first columns `col0, col1, ...`. */
export function colLoader(spec: GemmSpec, quads: number): ColLoader {
  switch (spec.problem) {
    case 'matmul':
      return matrix(spec, quads);
    case 'convForward':
    case 'convInput':
      return walksTaps(spec) ? pixelsByTap(spec, quads) : pixelsByElement(spec, quads);
    case 'convWeight':
      return patches(spec, quads);
  }
}

const widenVector = (spec: GemmSpec, v: string) => (spec.q.half ? `vec4f(${v})` : v);
const widenScalar = (spec: GemmSpec, v: string) => (spec.q.half ? `f32(${v})` : v);

function matrix(spec: GemmSpec, quads: number): ColLoader {
  const at = (k: number) => (spec.tail ? `min(k + ${k}u, P.depth - 1u)` : `(k + ${k}u)`);
  const masked = (k: number, v: string) => (spec.tail ? `select(vec4f(0.0), ${v}, k + ${k}u < kEnd)` : v);
  if (spec.q.load === 'i4') {
    return {
      start: `let qBase = part * P.qPart;\n${lines(quads, (v) => `let qCol${v} = min(col${v} / 4u, (P.cols + 3u) / 4u - 1u);`)}`,
      tapRow: '',
      tap: '',
      step: lines(
        4,
        (k) => `let qRow${k} = (qBase + ${at(k)} * P.qK) / 4u;
${lines(quads, (v) => `let b${v}_${k} = ${masked(k, widenVector(spec, `q[qRow${k} + qCol${v}]`))};`)}`,
      ),
    };
  }
  const one = (v: number) =>
    spec.q.load === 'k4'
      ? `${lines(4, (j) => `let c${v}_${j} = ${widenVector(spec, `q[(qCol${v}_${j} + k) / 4u]`)};`)}\n${transpose(v)}`
      : lines(
          4,
          (k) =>
            `let b${v}_${k} = ${masked(k, `vec4f(${list(4, (j) => widenScalar(spec, `q[qCol${v}_${j} + ${at(k)} * P.qK]`)).join(', ')})`)};`,
        );
  return {
    start: lines(quads, (v) =>
      lines(4, (j) => `let qCol${v}_${j} = part * P.qPart + min(col${v} + ${j}u, P.cols - 1u) * P.qI;`),
    ),
    tapRow: '',
    tap: '',
    step: lines(quads, one),
  };
}

/**
 * The pixels of a lane, split into image, y and x once. Forward: pixel (y, x) of the output reads the input at
 * y * stride + tap * dilation - pad. Input gradient: the pixels of one phase of the input, y * stride + phase, read
 * the output's gradient at y + (phase + pad - tap * dilation) / stride; a tap for which that is no whole number
 * contributes nothing to any pixel of the phase.
 *
 * Left for each pixel: its source row and column before the tap's offset, and the element where those meet, so that a
 * tap adds one number that is the same for all pixels.
 */
function pixelStart(spec: GemmSpec, quads: number): string {
  const forward = spec.problem === 'convForward';
  const one = (v: number, j: number) => {
    const t = `${v}_${j}`;
    return `let pixel${t} = i32(min(col${v} + ${j}u, P.cols - 1u));
  let line${t} = pixel${t} / gridW;
  let pn${t} = line${t} / gridH;
  let px${t} = pixel${t} - line${t} * gridW;
  let py${t} = line${t} - pn${t} * gridH;
  let sx${t} = px${t}${forward ? ' * P.strideX' : ''};
  let sy${t} = py${t}${forward ? ' * P.strideY' : ''};
  let base${t} = qBase + ((pn${t} * sourceH + sy${t}) * sourceW + sx${t}) * sourceC;`;
  };
  return `let gridH = ${forward ? 'P.ho' : '(P.h + P.strideY - 1) / P.strideY'};
  let gridW = ${forward ? 'P.wo' : '(P.w + P.strideX - 1) / P.strideX'};
  let sourceH = ${forward ? 'P.h' : 'P.ho'};
  let sourceW = ${forward ? 'P.w' : 'P.wo'};
  let sourceC = i32(P.groups * ${forward ? 'P.ci' : 'P.co'});
  let qBase = i32(${forward ? 'member * P.xPart + channelGroup * P.ci' : 'member * P.yPart + channelGroup * P.co'});
  ${lines(quads, (v) => lines(4, (j) => one(v, j)))}`;
}

/**
 * Whether and where pixel (v, j) reads its source: declares in<tag> and at<tag>. Compared unsigned, a negative
 * coordinate is too large as well. Joined by & rather than &&, which branches: dozens of branches in a row make some
 * drivers compile for minutes.
 */
function source(v: number, j: number, tag: string, offY: string, offX: string, shift: string, live: string): string {
  return `let in${tag} = ${live}(u32(sy${v}_${j} + ${offY}) < u32(sourceH)) & (u32(sx${v}_${j} + ${offX}) < u32(sourceW));
    let at${tag} = u32(select(0, base${v}_${j} + ${shift}, in${tag}));`;
}

function pixelsByTap(spec: GemmSpec, quads: number): ColLoader {
  const offset = (axis: 'Y' | 'X', k: string) =>
    spec.problem === 'convForward'
      ? `let off${axis} = ${k} * P.dilation${axis} - P.pad${axis};`
      : `let far${axis} = phase${axis} + P.pad${axis} - ${k} * P.dilation${axis};
    if (far${axis} % P.stride${axis} != 0) { continue; }
    let off${axis} = far${axis} / P.stride${axis};`;
  const load = (v: number, j: number) =>
    `let c${v}_${j} = select(vec4f(0.0), ${widenVector(spec, `q[(at${v}_${j} + k) / 4u]`)}, in${v}_${j});`;
  return {
    start: pixelStart(spec, quads),
    tapRow: offset('Y', 'kh'),
    tap: `${offset('X', 'kw')}
      let shift = (offY * sourceW + offX) * sourceC;
      ${lines(quads, (v) => lines(4, (j) => source(v, j, `${v}_${j}`, 'offY', 'offX', 'shift', '')))}`,
    step: lines(quads, (v) => `${lines(4, (j) => load(v, j))}\n${transpose(v)}`),
  };
}

/**
 * Few or oddly many channels: k counts (tap, channel) forward and (channel, tap) for the input gradient. The digits of
 * k are counted on: a division costs a software device as much as ten products.
 */
function pixelsByElement(spec: GemmSpec, quads: number): ColLoader {
  const forward = spec.problem === 'convForward';
  const count = (k: number) =>
    forward
      ? `channel += 1;
    let wrapC${k} = channel == i32(P.ci);
    channel = select(channel, 0, wrapC${k});
    tapX += select(0, 1, wrapC${k});
    let wrapX${k} = tapX == P.kw;
    tapX = select(tapX, 0, wrapX${k});
    tapY += select(0, 1, wrapX${k});`
      : `tapX += 1;
    let wrapX${k} = tapX == P.kw;
    tapX = select(tapX, 0, wrapX${k});
    tapY += select(0, 1, wrapX${k});
    let wrapY${k} = tapY == P.kh;
    tapY = select(tapY, 0, wrapY${k});
    channel += select(0, 1, wrapY${k});`;
  const start = forward
    ? 'var channel = i32(k0 % P.ci);\n  var tapX = i32(k0 / P.ci) % P.kw;\n  var tapY = i32(k0 / P.ci) / P.kw;'
    : 'var tapX = i32(k0) % P.kw;\n  var tapY = (i32(k0) / P.kw) % P.kh;\n  var channel = i32(k0) / (P.kw * P.kh);';
  const offset = (axis: 'Y' | 'X', k: number) =>
    forward
      ? `let off${axis}${k} = tap${axis} * P.dilation${axis} - P.pad${axis};`
      : `let far${axis}${k} = phase${axis} + P.pad${axis} - tap${axis} * P.dilation${axis};
    let off${axis}${k} = far${axis}${k} / P.stride${axis};`;
  const one = (k: number) => {
    const live = `${spec.tail ? `(k + ${k}u < kEnd) & ` : ''}${forward ? '' : `(farY${k} % P.strideY == 0) & (farX${k} % P.strideX == 0) & `}`;
    const group = (
      v: number,
    ) => `${lines(4, (j) => source(v, j, `${v}_${j}_${k}`, `offY${k}`, `offX${k}`, `shift${k}`, live))}
    let b${v}_${k} = vec4f(${list(4, (j) => `select(0.0, ${widenScalar(spec, `q[at${v}_${j}_${k}]`)}, in${v}_${j}_${k})`).join(', ')});`;
    return `${offset('Y', k)}
    ${offset('X', k)}
    let shift${k} = (offY${k} * sourceW + offX${k}) * sourceC + channel;
    ${lines(quads, group)}
    ${count(k)}`;
  };
  return { start: `${pixelStart(spec, quads)}\n  ${start}`, tapRow: '', tap: '', step: lines(4, one) };
}

/**
 * Weight gradient: a lane's columns are input channels of taps, k walks output pixels. The pixel is split into image,
 * y and x once and then counted on, which costs a few additions where a division would cost more than the products.
 */
function patches(spec: GemmSpec, quads: number): ColLoader {
  const vector = spec.q.load === 'i4';
  const perQuad = vector ? 1 : 4;
  const each = (f: (v: number, j: number) => string) => lines(quads, (v) => lines(perQuad, (j) => f(v, j)));
  const start = `let sourceC = i32(P.groups * P.ci);
  let qBase = i32(member * P.xPart + channelGroup * P.ci);
  ${each((v, j) => {
    const t = `${v}_${j}`;
    return `let patch${t} = i32(min(col${v} + ${j}u, P.cols - 1u));
  let tap${t} = patch${t} / i32(P.ci);
  let tapY${t} = tap${t} / P.kw;
  let offX${t} = (tap${t} - tapY${t} * P.kw) * P.dilationX - P.padX;
  let offY${t} = tapY${t} * P.dilationY - P.padY;
  let base${t} = qBase + (offY${t} * P.w + offX${t}) * sourceC + patch${t} - tap${t} * i32(P.ci);`;
  })}
  var px = i32(k0) % P.wo;
  var py = (i32(k0) / P.wo) % P.ho;
  var pn = i32(k0) / (P.wo * P.ho);`;
  const place = (k: number, v: number, j: number) => {
    const live = spec.tail ? `(k + ${k}u < kEnd) & ` : '';
    return `let in${k}_${v}_${j} = ${live}(u32(sy${k} + offY${v}_${j}) < u32(P.h)) & (u32(sx${k} + offX${v}_${j}) < u32(P.w));
    let at${k}_${v}_${j} = u32(select(0, base${v}_${j} + origin${k}, in${k}_${v}_${j}));`;
  };
  const value = (k: number, v: number) =>
    vector
      ? `select(vec4f(0.0), ${widenVector(spec, `q[at${k}_${v}_0 / 4u]`)}, in${k}_${v}_0)`
      : `vec4f(${list(4, (j) => `select(0.0, ${widenScalar(spec, `q[at${k}_${v}_${j}]`)}, in${k}_${v}_${j})`).join(', ')})`;
  const one = (k: number) => `let sy${k} = py * P.strideY;
    let sx${k} = px * P.strideX;
    let origin${k} = ((pn * P.h + sy${k}) * P.w + sx${k}) * sourceC;
    ${each((v, j) => place(k, v, j))}
    ${lines(quads, (v) => `let b${v}_${k} = ${value(k, v)};`)}
    px += 1;
    let wrapX${k} = px == P.wo;
    px = select(px, 0, wrapX${k});
    py += select(0, 1, wrapX${k});
    let wrapY${k} = py == P.ho;
    py = select(py, 0, wrapY${k});
    pn += select(0, 1, wrapY${k});`;
  return { start, tapRow: '', tap: '', step: lines(4, one) };
}
