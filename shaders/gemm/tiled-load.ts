import type { GemmSpec } from './spec.js';

/**
 * WGSL that fetches one 4 x 4 block of P or Q from storage, for four neighbouring rows (or columns) of C and four
 * consecutive k. A loader has three vectors of its own, which stay in registers for the whole walk over k: offsets
 * `at`, and for images coordinates `y` and `x`, one component for each of the four.
 */
export interface BlockLoader {
  /** What neighbouring invocations share out: k, where the operand is contiguous along it, or its own index. */
  across: 'k' | 'index';
  /** Fills `at`, `y` and `x` for the block that begins at index `i0`. */
  start(own: Own): string;
  /** Sets `block`, a mat4x4f whose column c holds the four values for k + c; 0 from `kEnd` on. Needs k < kEnd. */
  load(own: Own): string;
}

/** Names of one loader's vectors and of the matrix that it fills. */
export interface Own {
  at: string;
  y: string;
  x: string;
  block: string;
}

const FOUR = [0, 1, 2, 3] as const;
const X = 'xyzw';
const OFFSETS = 'vec4u(0u, 1u, 2u, 3u)';
const each = (f: (i: number) => string): string => FOUR.map(f).join('\n');
const comma = (f: (i: number) => string): string => FOUR.map(f).join(', ');

/**
 * Whether a walk over k can end inside a block of four. The phases of a strided input gradient meet different numbers
 * of taps, so there the length is known only on the device.
 */
const endsInside = (spec: GemmSpec): boolean => (spec.problem === 'convInput' ? spec.q.load !== 'k4' : spec.tail);

/** Lets that both loaders of a problem use, and the range [k0, kEnd) of k. */
export function walk(spec: GemmSpec): string {
  switch (spec.problem) {
    case 'matmul':
    case 'convWeight':
      return `let k0 = split * P.chunk;
  let kEnd = min(k0 + P.chunk, P.depth);`;
    case 'convForward': // k counts (tap, channel)
      return `let k0 = 0u;
  let channels = P.ci;
  let tapsX = u32(P.kw);
  let kEnd = tapWidth;
  let originY = -P.padY;
  let originX = -P.padX;
  let gapY = P.dilationY;
  let gapX = P.dilationX;`;
    case 'convInput':
      // k counts (tap, channel) over those taps alone that meet this phase: pixel y * stride + phase of the input reads
      // the cotangent at y + (phase + pad - tap * dilation) / stride wherever that is whole. If tap `first` does, so
      // does every `step`-th after it, and the row that is read moves by `gap` from one to the next.
      return `let k0 = 0u;
  let channels = P.co;
  ${['Y', 'X']
    .map(
      (a) => `let step${a} = tapStep(P.stride${a}, P.dilation${a});
  let first${a} = firstTap(phase${a} + P.pad${a}, P.stride${a}, P.dilation${a}, step${a});
  let taps${a} = u32(max(0, (P.k${a === 'Y' ? 'h' : 'w'} - first${a} + step${a} - 1) / step${a}));
  let origin${a} = (phase${a} + P.pad${a} - first${a} * P.dilation${a}) / P.stride${a};
  let gap${a} = -(step${a} * P.dilation${a} / P.stride${a});`,
    )
    .join('\n  ')}
  let kEnd = tapsY * tapsX * channels;`;
  }
}

/** Functions that `walk` calls. */
export function walkHelpers(spec: GemmSpec): string {
  if (spec.problem !== 'convInput') return '';
  return `
/** Least number of taps after which tap * dilation is again a multiple of the stride. */
fn tapStep(stride: i32, dilation: i32) -> i32 {
  var n = 1;
  while (n * dilation % stride != 0) { n++; }
  return n;
}
/** First tap for which reach - tap * dilation is a multiple of the stride; far beyond all taps if there is none. */
fn firstTap(reach: i32, stride: i32, dilation: i32, step: i32) -> i32 {
  var tap = 0;
  while (tap < step && (reach - tap * dilation) % stride != 0) { tap++; }
  return select(tap, 65536, tap == step);
}`;
}

export function rowBlocks(spec: GemmSpec): BlockLoader {
  const weight = 'member * P.wPart + channelGroup * P.co * tapWidth';
  switch (spec.problem) {
    case 'matmul':
      return matrix(spec, 'p', { base: 'part * P.pPart', index: 'P.pI', k: 'P.pK' });
    case 'convForward': // w[co, tap, ci]: rows co, k along a row
      return matrix(spec, 'p', { base: weight, index: 'tapWidth', k: '1u' });
    case 'convInput': // w[co, tap, ci]: rows ci
      return weightsByTap(spec, weight);
    case 'convWeight': // dy[pixel, co]: rows co
      return matrix(spec, 'p', { base: 'member * P.yPart + channelGroup * P.co', index: '1u', k: 'P.co * P.groups' });
  }
}

export function colBlocks(spec: GemmSpec): BlockLoader {
  switch (spec.problem) {
    case 'matmul':
      return matrix(spec, 'q', { base: 'part * P.qPart', index: 'P.qI', k: 'P.qK' });
    case 'convForward':
    case 'convInput':
      return pixels(spec);
    case 'convWeight':
      return patches(spec);
  }
}

/** A value read from storage, widened, and 0 where it is not `live`. */
function read(spec: GemmSpec, side: 'p' | 'q', at: string, live: string | null): string {
  const { half, load } = spec[side];
  const [T, zero] = load === 'scalar' ? ['f32', '0.0'] : ['vec4f', 'vec4f()'];
  const index = live === null ? at : `select(0u, ${at}, ${live})`;
  const value = `${side}[${load === 'scalar' ? index : `(${index}) / 4u`}]`;
  const wide = half ? `${T}(${value})` : value;
  return live === null ? wide : `select(${zero}, ${wide}, ${live})`;
}

/** An operand with one stride along its index and one along k. */
function matrix(spec: GemmSpec, side: 'p' | 'q', stride: { base: string; index: string; k: string }): BlockLoader {
  const { load } = spec[side];
  const size = side === 'p' ? 'P.rows' : 'P.cols';
  const live = (c: number) => (endsInside(spec) && c > 0 ? `k + ${c}u < kEnd` : null);
  const along = (c: number) => (stride.k === '1u' ? `k + ${c}u` : `(k + ${c}u) * ${stride.k}`);
  return {
    across: load === 'k4' || (load === 'scalar' && spec.problem !== 'convWeight') ? 'k' : 'index',
    start: ({ at }) =>
      load === 'i4'
        ? `${at} = vec4u(${stride.base} + min(i0, ${size} - 4u));`
        : `${at} = ${stride.base} + min(vec4u(i0) + ${OFFSETS}, vec4u(${size} - 1u)) * ${stride.index};`,
    load: ({ at, block }) => {
      if (load === 'k4')
        return `${block} = transpose(mat4x4f(${comma((j) => read(spec, side, `${at}.${X[j]} + k`, null))}));`;
      if (load === 'i4') return each((c) => `${block}[${c}] = ${read(spec, side, `${at}.x + ${along(c)}`, live(c))};`);
      return each(
        (c) => `${block}[${c}] = vec4f(${comma((j) => read(spec, side, `${at}.${X[j]} + ${along(c)}`, live(c)))});`,
      );
    },
  };
}

/** Splits k into tap and channel. A block of a `k4` walk lies in one tap; others count on with `NEXT`. */
const TAP = `var channel = k % channels;
var tapX = k / channels % tapsX;
var tapY = k / channels / tapsX;`;
const NEXT = `channel++;
if (channel == channels) {
  channel = 0u;
  tapX++;
  if (tapX == tapsX) {
    tapX = 0u;
    tapY++;
  }
}`;

/** Weights of an input gradient: rows lie side by side, and the taps met by a phase are far apart. */
function weightsByTap(spec: GemmSpec, base: string): BlockLoader {
  const { load } = spec.p;
  const one = (own: Own, c: number): string => {
    const within = spec.q.load === 'k4';
    const live = endsInside(spec) && c > 0 ? `k + ${c}u < kEnd` : null;
    const value = (j: number) => read(spec, 'p', `${own.at}.${X[j]} + from${c}`, live);
    return `let from${c} = (channel${within ? ` + ${c}u` : ''}) * tapWidth + u32((firstY + i32(tapY) * stepY) * P.kw + firstX + i32(tapX) * stepX) * P.ci;
${own.block}[${c}] = ${load === 'i4' ? value(0) : `vec4f(${comma(value)})`};
${within || c === 3 ? '' : NEXT}`;
  };
  return {
    across: 'index',
    start: ({ at }) => `${at} = ${base} + min(vec4u(i0) + ${OFFSETS}, vec4u(P.rows - 1u));`,
    load: (own) => `${TAP}\n${each((c) => one(own, c))}`,
  };
}

/** Pixels of an image, read where the taps of the kernel fall; zero outside. */
function pixels(spec: GemmSpec): BlockLoader {
  const forward = spec.problem === 'convForward';
  const vector = spec.q.load === 'k4';
  const [sourceH, sourceW, sourceC] = forward ? ['P.h', 'P.w', 'P.groups * P.ci'] : ['P.ho', 'P.wo', 'P.groups * P.co'];
  const base = forward ? 'member * P.xPart + channelGroup * P.ci' : 'member * P.yPart + channelGroup * P.co';
  const gridH = forward ? 'u32(P.ho)' : 'u32((P.h + P.strideY - 1) / P.strideY)';
  const gridW = forward ? 'u32(P.wo)' : 'u32((P.w + P.strideX - 1) / P.strideX)';
  const source = (own: Own, c: number, live: string | null) => `let sy${c} = ${own.y} + originY + i32(tapY) * gapY;
let sx${c} = ${own.x} + originX + i32(tapX) * gapX;
let in${c} = (vec4u(sy${c}) < vec4u(u32(${sourceH}))) & (vec4u(sx${c}) < vec4u(u32(${sourceW})))${live ? ` & vec4<bool>(${live})` : ''};
let from${c} = ${own.at} + vec4u(sy${c} * ${sourceW} + sx${c}) * (${sourceC}) + channel;`;
  const value = (c: number, j: number) => read(spec, 'q', `from${c}.${X[j]}`, `in${c}.${X[j]}`);
  return {
    across: vector ? 'k' : 'index',
    start: ({ at, y, x }) => `let pixel = min(vec4u(i0) + ${OFFSETS}, vec4u(P.cols - 1u));
let line = pixel / ${gridW};
let image = line / ${gridH};
${x} = vec4i(pixel - line * ${gridW})${forward ? ' * P.strideX' : ''};
${y} = vec4i(line - image * ${gridH})${forward ? ' * P.strideY' : ''};
${at} = ${base} + image * (u32(${sourceH} * ${sourceW}) * (${sourceC}));`,
    load: (own) =>
      vector
        ? `${TAP}
${source(own, 0, null)}
${own.block} = transpose(mat4x4f(${comma((j) => value(0, j))}));`
        : `${TAP}
${each(
  (c) => `${source(own, c, endsInside(spec) && c > 0 ? `k + ${c}u < kEnd` : null)}
${own.block}[${c}] = vec4f(${comma((j) => value(c, j))});
${c === 3 ? '' : NEXT}`,
)}`,
  };
}

/** Weight gradient: the columns are channels of taps, and k walks the pixels of the output. */
function patches(spec: GemmSpec): BlockLoader {
  const vector = spec.q.load === 'i4';
  const one = (own: Own, c: number): string => {
    const live = endsInside(spec) && c > 0 ? ` & (k + ${c}u < kEnd)` : '';
    const [y, x, at] = vector ? [`${own.y}.x`, `${own.x}.x`, `${own.at}.x`] : [own.y, own.x, own.at];
    const inside = vector
      ? `(u32(sy${c}) < u32(P.h)) & (u32(sx${c}) < u32(P.w))${live}`
      : `(vec4u(sy${c}) < vec4u(u32(P.h))) & (vec4u(sx${c}) < vec4u(u32(P.w)))${live.replace(/\((.*)\)/, 'vec4<bool>($1)')}`;
    const unsigned = vector ? 'u32' : 'vec4u';
    const value = vector
      ? read(spec, 'q', `from${c}`, `in${c}`)
      : `vec4f(${comma((j) => read(spec, 'q', `from${c}.${X[j]}`, `in${c}.${X[j]}`))})`;
    return `let sy${c} = ${y} + pixelY * P.strideY;
let sx${c} = ${x} + pixelX * P.strideX;
let in${c} = ${inside};
let from${c} = ${at} + ${unsigned}((image * P.h + sy${c}) * P.w + sx${c}) * (P.groups * P.ci);
${own.block}[${c}] = ${value};
${c === 3 ? '' : NEXT_PIXEL}`;
  };
  return {
    across: 'index',
    start: ({ at, y, x }) => `let col = min(vec4u(i0) + ${OFFSETS}, vec4u(P.cols - 1u));
let tap = col / P.ci;
let tapY = tap / u32(P.kw);
${at} = member * P.xPart + channelGroup * P.ci + (col - tap * P.ci);
${y} = vec4i(tapY) * P.dilationY - P.padY;
${x} = vec4i(tap - tapY * u32(P.kw)) * P.dilationX - P.padX;`,
    load: (own) => `var pixelX = i32(k) % P.wo;
var pixelY = i32(k) / P.wo % P.ho;
var image = i32(k) / P.wo / P.ho;
${each((c) => one(own, c))}`,
  };
}

const NEXT_PIXEL = `pixelX++;
if (pixelX == P.wo) {
  pixelX = 0;
  pixelY++;
  if (pixelY == P.ho) {
    pixelY = 0;
    image++;
  }
}`;
