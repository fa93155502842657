import {
  CHUNK_BITS,
  type DirectSpec,
  directShader,
  headsShader,
  type SegmentSpec,
  segmentShader,
  startsShader,
} from '../../shaders/scatter-add.js';
import { defineKernel } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';
import type { GatherPlan } from './gather.js';
import { strideGrid, STRIDE_WORKGROUP as workgroup } from './grid-stride.js';
import { launchSort } from './radix.js';

const directKernel = defineKernel<DirectSpec>({ name: 'scatterAdd direct', shader: directShader });
const startsKernel = defineKernel<{ workgroup: number }>({ name: 'scatterAdd starts', shader: startsShader });
const headsKernel = defineKernel<Omit<SegmentSpec, 'heads'>>({ name: 'scatterAdd heads', shader: headsShader });
const segmentKernel = defineKernel<SegmentSpec>({ name: 'scatterAdd segments', shader: segmentShader });

/**
 * Writes the sums of g [parts, lead, picks, inner] by index into `out` [parts, lead, size, inner]. Few indices are looked
 * at by every result; otherwise they are sorted and every result sums its own run. Not recorded.
 */
export function launchScatterAdd(op: string, g: Tensor, index: Tensor, plan: GatherPlan, out: Tensor): void {
  const { device } = g;
  const { parts, lead, size, picks } = plan;
  const lanes = plan.strides[3] === 0 && plan.inner % 4 === 0 ? 4 : 1;
  const inner = plan.inner / lanes;
  const type = g.dtype as DirectSpec['type'];
  const grid = (n: number) => strideGrid(device, n);
  const units = out.size / lanes;
  const indexType = index.dtype as 'i32' | 'u32';
  const cost = { flops: g.size, bytes: g.bytes + out.bytes + index.bytes };
  if (isDirect(device.deviceClass, units, picks)) {
    device.run(
      directKernel,
      { type, index: indexType, lanes, workgroup },
      {
        bindings: [g.binding(op), index.binding(op), out.binding(op)],
        params: [parts, lead, size, picks, inner, ...plan.strides],
        grid: grid(units),
        cost,
      },
    );
    return;
  }
  const owned: Tensor[] = [];
  const make = (dtype: 'u32' | typeof type, shape: number[]) => {
    const t = Tensor.empty(op, device, dtype, shape);
    owned.push(t);
    return t;
  };
  try {
    const { rows } = plan;
    const order = make('u32', [rows, picks]);
    const keys = make('u32', [rows, picks]);
    launchSort(op, device, index, order, keys, {
      key: `index-${indexType}`,
      descending: false,
      rows,
      n: picks,
      inner: plan.rowInner,
      orderInner: 1,
      bits: Math.max(1, Math.ceil(Math.log2(size))),
      size,
    });
    const starts = make('u32', [rows, size + 1]);
    device.run(
      startsKernel,
      { workgroup },
      {
        bindings: [keys.binding(op), starts.binding(op)],
        params: [rows, size + 1, picks],
        grid: grid(starts.size),
        cost: { flops: 0, bytes: keys.bytes },
      },
    );
    const chunks = Math.ceil(picks / 2 ** CHUNK_BITS);
    const params = [parts, lead, size, picks, inner, chunks, ...plan.rowStrides];
    let heads: Tensor | null = null;
    if (chunks > 4) {
      heads = make(type, [parts, lead, chunks, plan.inner]);
      device.run(
        headsKernel,
        { type, lanes, workgroup },
        {
          bindings: [g.binding(op), keys.binding(op), order.binding(op), heads.binding(op)],
          params,
          grid: grid(heads.size / lanes),
          cost: { flops: 0, bytes: heads.bytes },
        },
      );
    }
    device.run(
      segmentKernel,
      { type, lanes, heads: heads !== null, workgroup },
      {
        bindings: [
          g.binding(op),
          order.binding(op),
          starts.binding(op),
          ...(heads ? [heads.binding(op)] : []),
          out.binding(op),
        ],
        params,
        grid: grid(units),
        cost,
      },
    );
  } finally {
    for (const t of owned) t.dispose();
  }
}

/** Reading every index for every result beats sorting while there are few of either. */
function isDirect(deviceClass: string, units: number, picks: number): boolean {
  if (deviceClass === 'software') return picks <= 8 || units * picks <= 2 ** 18;
  return picks <= 32 || (picks <= 512 && units * picks <= 2 ** 24);
}
