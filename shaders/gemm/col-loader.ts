import { type GemmSpec, walksTaps } from './spec.js';

/** WGSL that loads the lane side: each step leaves `b0..b3`, vec4f of the lane's four columns for k..k+3. */
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

/** Registers v0..v3 (columns, vec4 along k) seen as b0..b3 (k, vec4 along columns): renaming, no instructions. */
const TRANSPOSE = lines(4, (k) => `let b${k} = vec4f(${list(4, (j) => `v${j}.${X[k]}`).join(', ')});`);

export function colLoader(spec: GemmSpec): ColLoader {
  switch (spec.problem) {
    case 'matmul':
      return matrix(spec);
    case 'convForward':
    case 'convInput':
      return walksTaps(spec) ? pixelsByTap(spec) : pixelsByElement(spec);
    case 'convWeight':
      return patches(spec);
  }
}

const widenVector = (spec: GemmSpec, v: string) => (spec.q.half ? `vec4f(${v})` : v);
const widenScalar = (spec: GemmSpec, v: string) => (spec.q.half ? `f32(${v})` : v);

function matrix(spec: GemmSpec): ColLoader {
  const at = (k: number) => (spec.tail ? `min(k + ${k}u, P.depth - 1u)` : `(k + ${k}u)`);
  const masked = (k: number, v: string) => (spec.tail ? `select(vec4f(0.0), ${v}, k + ${k}u < kEnd)` : v);
  if (spec.q.load === 'i4') {
    return {
      start: 'let qBase = part * P.qPart;\nlet qCol = min(col0 / 4u, (P.cols + 3u) / 4u - 1u);',
      tapRow: '',
      tap: '',
      step: lines(4, (k) => `let b${k} = ${masked(k, widenVector(spec, `q[(qBase + ${at(k)} * P.qK) / 4u + qCol]`))};`),
    };
  }
  return {
    start: lines(4, (j) => `let qCol${j} = part * P.qPart + min(col0 + ${j}u, P.cols - 1u) * P.qI;`),
    tapRow: '',
    tap: '',
    step:
      spec.q.load === 'k4'
        ? `${lines(4, (j) => `let v${j} = ${widenVector(spec, `q[(qCol${j} + k) / 4u]`)};`)}\n${TRANSPOSE}`
        : lines(4, (k) => `let b${k} = ${masked(k, `vec4f(${list(4, (j) => widenScalar(spec, `q[qCol${j} + ${at(k)} * P.qK]`)).join(', ')})`)};`),
  };
}

/**
 * The four pixels of a lane, split into image, y and x once. Forward: pixel (y, x) of the output reads the input at
 * y * stride + tap * dilation - pad. Input gradient: the pixels of one phase of the input, y * stride + phase, read
 * the output's gradient at y + (phase + pad - tap * dilation) / stride; a tap for which that is no whole number
 * contributes nothing to any pixel of the phase.
 */
function pixelStart(spec: GemmSpec): string {
  const forward = spec.problem === 'convForward';
  return `let gridH = ${forward ? 'P.ho' : '(P.h + P.strideY - 1) / P.strideY'};
  let gridW = ${forward ? 'P.wo' : '(P.w + P.strideX - 1) / P.strideX'};
  let sourceH = ${forward ? 'P.h' : 'P.ho'};
  let sourceW = ${forward ? 'P.w' : 'P.wo'};
  let sourceC = i32(P.groups * ${forward ? 'P.ci' : 'P.co'});
  let qBase = i32(${forward ? 'member * P.xPart + channelGroup * P.ci' : 'member * P.yPart + channelGroup * P.co'});
  ${lines(
    4,
    (j) => `let pixel${j} = i32(min(col0 + ${j}u, P.cols - 1u));
  let px${j} = pixel${j} % gridW;
  let py${j} = (pixel${j} / gridW) % gridH;
  let pn${j} = pixel${j} / (gridW * gridH);`,
  )}`;
}

/** Source coordinates, validity and offset of the four pixels for the tap offsets (offY, offX). */
function pixelSources(spec: GemmSpec): string {
  const forward = spec.problem === 'convForward';
  return lines(
    4,
    (j) => `let sy${j} = py${j}${forward ? ' * P.strideY' : ''} + offY;
      let sx${j} = px${j}${forward ? ' * P.strideX' : ''} + offX;
      let in${j} = sy${j} >= 0 && sy${j} < sourceH && sx${j} >= 0 && sx${j} < sourceW;
      let q${j} = u32(select(0, qBase + ((pn${j} * sourceH + sy${j}) * sourceW + sx${j}) * sourceC, in${j}));`,
  );
}

function pixelsByTap(spec: GemmSpec): ColLoader {
  const offset = (axis: 'Y' | 'X', k: string) =>
    spec.problem === 'convForward'
      ? `let off${axis} = ${k} * P.dilation${axis} - P.pad${axis};`
      : `let far${axis} = phase${axis} + P.pad${axis} - ${k} * P.dilation${axis};
    if (far${axis} % P.stride${axis} != 0) { continue; }
    let off${axis} = far${axis} / P.stride${axis};`;
  return {
    start: pixelStart(spec),
    tapRow: offset('Y', 'kh'),
    tap: `${offset('X', 'kw')}\n${pixelSources(spec)}`,
    step: `${lines(4, (j) => `let v${j} = select(vec4f(0.0), ${widenVector(spec, `q[(q${j} + k) / 4u]`)}, in${j});`)}\n${TRANSPOSE}`,
  };
}

/** Few or oddly many channels: k counts (tap, channel) forward and (channel, tap) for the input gradient, one at a time. */
function pixelsByElement(spec: GemmSpec): ColLoader {
  const forward = spec.problem === 'convForward';
  const one = (k: number) => `let k${k} = i32(min(k + ${k}u, P.depth - 1u));
    let channel${k} = ${forward ? `k${k} % i32(P.ci)` : `k${k} / (P.kh * P.kw)`};
    let tap${k} = ${forward ? `k${k} / i32(P.ci)` : `k${k} % (P.kh * P.kw)`};
    ${['Y', 'X']
      .map((axis) => {
        const t = axis === 'Y' ? `(tap${k} / P.kw)` : `(tap${k} % P.kw)`;
        return forward
          ? `let off${axis}${k} = ${t} * P.dilation${axis} - P.pad${axis};`
          : `let far${axis}${k} = phase${axis} + P.pad${axis} - ${t} * P.dilation${axis};
    let off${axis}${k} = far${axis}${k} / P.stride${axis};`;
      })
      .join('\n')}
    let live${k} = k + ${k}u < kEnd${forward ? '' : ` && farY${k} % P.strideY == 0 && farX${k} % P.strideX == 0`};
    ${lines(
      4,
      (j) => `let sy${k}_${j} = py${j}${forward ? ' * P.strideY' : ''} + offY${k};
    let sx${k}_${j} = px${j}${forward ? ' * P.strideX' : ''} + offX${k};
    let in${k}_${j} = live${k} && sy${k}_${j} >= 0 && sy${k}_${j} < sourceH && sx${k}_${j} >= 0 && sx${k}_${j} < sourceW;
    let e${k}_${j} = select(0.0, ${widenScalar(spec, `q[u32(select(0, qBase + ((pn${j} * sourceH + sy${k}_${j}) * sourceW + sx${k}_${j}) * sourceC + channel${k}, in${k}_${j}))]`)}, in${k}_${j});`,
    )}
    let b${k} = vec4f(${list(4, (j) => `e${k}_${j}`).join(', ')});`;
  return { start: pixelStart(spec), tapRow: '', tap: '', step: lines(4, one) };
}

/**
 * Weight gradient: a lane's four columns are input channels of taps, k walks output pixels. The pixel is split into
 * image, y and x once and then counted on, which costs a few additions where a division would cost more than the
 * products.
 */
function patches(spec: GemmSpec): ColLoader {
  const vector = spec.q.load === 'i4';
  const cols = vector ? 1 : 4;
  const start = `let sourceC = i32(P.groups * P.ci);
  let qBase = i32(member * P.xPart + channelGroup * P.ci);
  ${lines(
    cols,
    (j) => `let col${j} = i32(min(col0 + ${j}u, P.cols - 1u));
  let channel${j} = col${j} % i32(P.ci);
  let offX${j} = (col${j} / i32(P.ci)) % P.kw * P.dilationX - P.padX;
  let offY${j} = col${j} / i32(P.ci) / P.kw * P.dilationY - P.padY;`,
  )}
  var px = i32(k0) % P.wo;
  var py = (i32(k0) / P.wo) % P.ho;
  var pn = i32(k0) / (P.wo * P.ho);`;
  const load = (k: number, j: number) => `let sy${k}_${j} = py * P.strideY + offY${j};
    let sx${k}_${j} = px * P.strideX + offX${j};
    let in${k}_${j} = ${spec.tail ? `k + ${k}u < kEnd && ` : ''}sy${k}_${j} >= 0 && sy${k}_${j} < P.h && sx${k}_${j} >= 0 && sx${k}_${j} < P.w;
    let q${k}_${j} = u32(select(0, qBase + ((pn * P.h + sy${k}_${j}) * P.w + sx${k}_${j}) * sourceC + channel${j}, in${k}_${j}));`;
  const one = (k: number) => `${lines(cols, (j) => load(k, j))}
    let b${k} = ${
      vector
        ? `select(vec4f(0.0), ${widenVector(spec, `q[q${k}_0 / 4u]`)}, in${k}_0)`
        : `vec4f(${list(4, (j) => `select(0.0, ${widenScalar(spec, `q[q${k}_${j}]`)}, in${k}_${j})`).join(', ')})`
    };
    px += 1;
    let wrapX${k} = px == P.wo;
    px = select(px, 0, wrapX${k});
    py += select(0, 1, wrapX${k});
    let wrapY${k} = py == P.ho;
    py = select(py, 0, wrapY${k});
    pn += select(0, 1, wrapY${k});`;
  return { start, tapRow: '', tap: '', step: lines(4, one) };
}
