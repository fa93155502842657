import {
  type ConvDirectSpec,
  convDirectShader,
  convDirectValuesShader,
  DIRECT_PARAMS,
  DIRECT_VALUES_PARAMS,
} from '../../shaders/sparse/conv-direct.js';
import { type ConvPanelSpec, convPanelShader, PANEL_PARAMS } from '../../shaders/sparse/conv-panel.js';
import { convStreamShader, type Direction, STREAM_PARAMS, type StreamSpec } from '../../shaders/sparse/conv-stream.js';
import {
  type ConvValuesSpec,
  convFinishShader,
  convValuesShader,
  FINISH_PARAMS,
  VALUES_PARAMS,
} from '../../shaders/sparse/conv-values.js';
import { defineKernel, foldGrid, type Kernel, type Shader } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';
import {
  chooseForm,
  isSmallProduct,
  isSmallSample,
  type Sides,
  type SparseConvAttrs,
  sidesOf,
  TILE_CAPACITY,
  type Tiling,
  tilingOf,
} from './sparse-conv-rules.js';

interface Family<S> {
  kernel: Kernel<S>;
  params: Shader['params'];
}
const family = <S>(name: string, shader: (spec: S) => Shader, params: Shader['params']): Family<S> => ({
  ...{ kernel: defineKernel<S>({ name, shader }), params },
});
const streams = family<StreamSpec>('conv stream', convStreamShader, STREAM_PARAMS);
const panels = family<ConvPanelSpec>('conv panel', convPanelShader, PANEL_PARAMS);
const directs = family<ConvDirectSpec>('conv direct', convDirectShader, DIRECT_PARAMS);
const samples = family<ConvValuesSpec>('conv values', convValuesShader, VALUES_PARAMS);
const finishes = family<{ workgroup: number }>('conv finish', convFinishShader, FINISH_PARAMS);
const directSamples = family<{ workgroup: number }>('conv direct values', convDirectValuesShader, DIRECT_VALUES_PARAMS);

interface Problem {
  op: string;
  direction: Direction;
  attrs: SparseConvAttrs;
  sides: Sides;
  images: number;
  source: Tensor;
}

type Named = Readonly<Record<string, number>>;

/** Launches a kernel whose parameters are given by name. */
function launch<S>(
  p: Problem,
  { kernel, params }: Family<S>,
  spec: S,
  tensors: readonly Tensor[],
  named: Named,
  workgroups: number,
  flops = 0,
): void {
  const { device } = p.source;
  device.run(kernel, spec, {
    bindings: tensors.map((t) => t.binding(p.op)),
    params: params.map(([name]) => named[name]),
    grid: foldGrid(workgroups, device.limits.maxWorkgroups),
    cost: { flops, bytes: tensors.reduce((sum, t) => sum + t.bytes, 0) },
  });
}

const software = (p: Problem): boolean => p.source.device.deviceClass === 'software';

/** Parameters that every kernel takes from the geometry. */
function geometryOf({ attrs, sides, images, source }: Problem): Named {
  const { kernel, stride, pad, dilation, pattern } = attrs;
  return {
    ...{ images, side: sides.side, depth: sides.depth, lines: pattern.parts * sides.resultC },
    ...{ resultH: sides.result[0], resultW: sides.result[1], resultC: sides.resultC },
    ...{ sourceH: sides.source[0], sourceW: sides.source[1], sourceC: sides.sourceC },
    sourcePart: source.rank === 5 ? images : 0,
    ...{ kh: kernel[0], kw: kernel[1], strideY: stride[0], strideX: stride[1], padY: pad[0], padX: pad[1] },
    ...{ dilationY: dilation[0], dilationX: dilation[1], stepY: sides.step[0], stepX: sides.step[1] },
  };
}

/** Operations of all nonzeros; padding counts. */
const flopsOf = ({ attrs, images }: Problem): number =>
  2 * attrs.pattern.nnz * images * attrs.output[0] * attrs.output[1];

/** The nonzeros as the kernels walk them. */
interface Walk {
  counts: Tensor;
  stream: Tensor;
  /** Nonzeros that a segment has room for, and room for nonzeros in all. */
  capacity: number;
  slots: number;
}

/** Whole images of a direct kernel are one chunk of one bundle. */
const whole = (s: Sides): Tiling => ({ cells: [1, 1], bundle: 1, pitch: Math.max(1, s.depth), chunks: 1 });

/** The walk with the values in it, whose tensors are the caller's; or with the entries' numbers: then the pattern keeps it. */
function makeWalk(p: Problem, form: StreamSpec['form'], t: Tiling, values: Tensor | null): Walk {
  const { sides, attrs, direction, op, source } = p;
  const { lines } = sides;
  const { pattern } = attrs;
  const longest = direction === 'forward' ? lines.longest : sides.taps * lines.longest;
  const capacity = Math.max(1, Math.min(sides.taps * Math.min(t.pitch, sides.depth), longest));
  const segments = sides.phases * pattern.parts * sides.resultC * t.chunks;
  const slots = segments * capacity;
  const workgroup = software(p) ? 8 : 64;
  const spec: StreamSpec = { direction, form, payload: values ? 'value' : 'entry', workgroup };
  const inputs = [lines.starts, lines.across, ...(lines.entries ? [lines.entries] : []), ...(values ? [values] : [])];
  const named = {
    ...geometryOf(p),
    ...{ segments, capacity, channels: sides.resultC, columns: pattern.cols },
    ...{ chunks: t.chunks, bundle: t.bundle, pitch: t.pitch, tileW: t.cells[1] },
  };
  const make = () => {
    const counts = Tensor.empty(op, source.device, 'u32', [segments, form === 'tile' ? 4 : 1]);
    const stream = Tensor.empty(op, source.device, 'u32', [slots, form === 'tile' ? 2 : 4]);
    launch(p, streams, spec, [...inputs, counts, stream], named, Math.ceil(segments / workgroup));
    return [counts, stream] as const;
  };
  // By what the kernel reads: batches of all sizes share a walk.
  const key = JSON.stringify([spec, STREAM_PARAMS.map(([name]) => (named as Named)[name])]);
  const [counts, stream] = values ? make() : pattern.derived(key, make);
  return { counts, stream, capacity, slots };
}

/** Workgroups that a launch on a software device should have at least, so that its cores share it evenly. */
const LEAST_WORKGROUPS = 16;

/** Parameters of the kernels with tiles, and what is known of their specs. */
function tileOf(p: Problem, t: Tiling, walk: Walk) {
  const { sides, attrs, images, source } = p;
  const lanes = source.device.subgroupSize;
  const rowBlocks = Math.ceil(sides.grid[1] / 2);
  const imageBlocks = Math.ceil(sides.grid[0] / 2) * rowBlocks;
  const bundles = attrs.groups / t.bundle;
  const bundleDepth = t.bundle * sides.depth;
  const bundleRows = t.bundle * sides.side;
  const vector = [sides.sourceC, bundleDepth, t.pitch].every((n) => n % 4 === 0);
  const rows: 1 | 4 = bundleRows % 4 === 0 ? 4 : 1;
  return {
    groups: Math.ceil((images * imageBlocks) / lanes),
    spec: { lanes, capacity: TILE_CAPACITY, vector, rows },
    /** Workgroups of one group of blocks, or of one chunk, before anything is split. */
    layers: bundles * sides.phases * attrs.pattern.parts,
    named: {
      ...geometryOf(p),
      ...{ bundles, phases: sides.phases, bundleDepth, bundleRows, pixels: 4, capacity: walk.capacity },
      ...{ blocks: images * imageBlocks, blocksImage: imageBlocks, blocksRow: rowBlocks },
      ...{ tileH: t.cells[0], tileW: t.cells[1], pitch: t.pitch, chunks: t.chunks },
    },
  };
}

/** y from x, or dx from g, into `out`. Make it in a scope: the temporaries end with that. */
export function launchApply(
  op: string,
  direction: Direction,
  attrs: SparseConvAttrs,
  source: Tensor,
  values: Tensor,
  bias: Tensor | null,
  out: Tensor,
): void {
  if (out.size === 0) return;
  const sides = sidesOf(direction, attrs);
  const p: Problem = { op, direction, attrs, sides, images: out.shape[out.rank - 4], source };
  const tiling = tilingOf(direction, attrs, sides);
  const fused = { direction, bias: bias !== null, activation: attrs.activation };
  const biasPart = bias?.rank === 2 ? sides.resultC : 0;
  const inputs = (w: Walk) => [w.counts, w.stream, source, ...(bias ? [bias] : []), out];
  const small = isSmallProduct(flopsOf(p), out.size);
  if (!tiling || chooseForm(source.device, tiling, small) === 'direct') {
    const walk = makeWalk(p, 'direct', whole(sides), values);
    const pixels = p.images * sides.grid[0] * sides.grid[1];
    const n = pixels * sides.resultC * attrs.pattern.parts * sides.phases;
    const spec = { ...fused, workgroup: software(p) ? 16 : 64 };
    const named = { n, pixels, gridH: sides.grid[0], gridW: sides.grid[1], capacity: walk.capacity, biasPart };
    const workgroups = Math.ceil(n / spec.workgroup);
    launch(p, directs, spec, inputs(walk), { ...geometryOf(p), ...named }, workgroups, flopsOf(p));
    return;
  }
  const walk = makeWalk(p, 'tile', tiling, values);
  const tile = tileOf(p, tiling, walk);
  const { rows } = tile.spec;
  const { bundleRows } = tile.named;
  const wanted = Math.min(Math.ceil(LEAST_WORKGROUPS / (tile.groups * tile.layers)), bundleRows / rows);
  const splitRows = Math.ceil(bundleRows / rows / wanted) * rows;
  const splits = Math.ceil(bundleRows / splitRows);
  const n = tile.groups * splits * tile.layers;
  const named = { ...tile.named, n, units: tile.groups, splits, splitRows, biasPart };
  launch(p, panels, { ...tile.spec, ...fused }, inputs(walk), named, n, flopsOf(p));
}

/** Workgroups for dw a core: more would make more sums to add up than the better balance saves. */
const WORKGROUPS_A_CORE = 2;
/** Most bytes of sums that the kernel for dw keeps apart. */
const MOST_STAGE = 2 ** 25;

/** dw at the nonzeros into `out` [nnz]. Make it in a scope: the temporaries end with that. */
export function launchValues(op: string, attrs: SparseConvAttrs, x: Tensor, g: Tensor, out: Tensor): void {
  const { pattern } = attrs;
  if (out.size === 0) return;
  const sides = sidesOf('forward', attrs);
  const p: Problem = { op, direction: 'forward', attrs, sides, images: g.shape[g.rank - 4], source: x };
  const tiling = tilingOf('forward', attrs, sides);
  if (!tiling || chooseForm(x.device, tiling, isSmallSample(out.size)) === 'direct') {
    const { starts, across, lineOf } = pattern.byRow;
    const named = { ...geometryOf(p), entries: pattern.nnz, parts: pattern.parts };
    launch(p, directSamples, { workgroup: 64 }, [starts, across, lineOf, x, g, out], named, pattern.nnz, flopsOf(p));
    return;
  }
  const walk = makeWalk(p, 'tile', tiling, null);
  const tile = tileOf(p, tiling, walk);
  const room = Math.max(1, Math.floor(MOST_STAGE / (4 * walk.slots)));
  const cores = x.device.driver?.cores ?? LEAST_WORKGROUPS;
  const wanted = Math.min(Math.ceil((WORKGROUPS_A_CORE * cores) / (tile.layers * tiling.chunks)), tile.groups, room);
  const splitGroups = Math.ceil(tile.groups / wanted);
  const splits = Math.ceil(tile.groups / splitGroups);
  const stage = Tensor.empty(op, x.device, 'f32', [splits, walk.slots]);
  const n = tiling.chunks * splits * tile.layers;
  const named = { ...tile.named, n, units: tiling.chunks, splits, groups: tile.groups, splitGroups, slots: walk.slots };
  launch(p, samples, tile.spec, [walk.counts, walk.stream, x, g, stage], named, n, flopsOf(p));
  const workgroup = software(p) ? 16 : 64;
  const finish = { slots: walk.slots, capacity: walk.capacity, splits };
  const inputs = [walk.counts, walk.stream, stage, out];
  launch(p, finishes, { workgroup }, inputs, finish, Math.ceil(walk.slots / workgroup));
}
