import type { KeyKind } from '../../shaders/order-key.js';
import {
  RADIX_ITEMS,
  type RadixSpec,
  radixCountShader,
  radixMoveShader,
  type ShortSortSpec,
  shortSortShader,
} from '../../shaders/sort.js';
import type { Device } from '../gpu/device.js';
import { defineKernel, foldGrid } from '../gpu/kernel.js';
import { Tensor } from '../tensor/tensor.js';
import { launchScan } from './cumsum.js';

const countKernel = defineKernel<RadixSpec>({ name: 'radix count', shader: radixCountShader });
const moveKernel = defineKernel<RadixSpec>({ name: 'radix move', shader: radixMoveShader });
const shortKernel = defineKernel<ShortSortSpec>({ name: 'sort of short rows', shader: shortSortShader });

/** What to sort, and where the order goes. */
export interface SortPlan {
  key: KeyKind;
  descending: boolean;
  /** Rows of the values x [rows / inner, n, inner]. */
  rows: number;
  n: number;
  inner: number;
  /** The order as [rows / orderInner, n, orderInner]. */
  orderInner: number;
  /** Significant low bits of the keys. */
  bits: number;
  /** Indices are limited to [0, size), for the index keys. */
  size: number;
}

/** Longest row that is sorted in workgroup memory, and in an invocation's private memory. */
const SHORT = 1024;
const PRIVATE = 128;

/**
 * Writes for every row the indices that sort it, stable, and the sorted u32 keys [rows, n] where `keys` is given.
 * Not recorded.
 */
export function launchSort(
  op: string,
  device: Device,
  x: Tensor,
  order: Tensor,
  keys: Tensor | null,
  plan: SortPlan,
): void {
  if (plan.rows === 0 || plan.n === 0) return;
  if (isShort(device, plan)) launchShort(op, device, x, order, keys, plan);
  else launchRadix(op, device, x, order, keys, plan);
}

/** Software devices have no fast workgroup memory: there a shared row pays only while launches cost more than work. */
function isShort(device: Device, plan: SortPlan): boolean {
  if (device.deviceClass !== 'software') return plan.n <= SHORT;
  return isPrivate(device, plan) || (plan.n <= SHORT && plan.rows * plan.n <= 4096);
}

function isPrivate(device: Device, plan: SortPlan): boolean {
  return device.deviceClass === 'software' && plan.n <= PRIVATE && plan.rows >= 16;
}

function launchShort(op: string, device: Device, x: Tensor, order: Tensor, keys: Tensor | null, plan: SortPlan): void {
  const { rows, n } = plan;
  const width = 2 ** Math.ceil(Math.log2(Math.max(2, n)));
  const capacity = width <= PRIVATE ? Math.max(32, width) : width <= 256 ? 256 : SHORT;
  const workgroup = device.deviceClass === 'software' ? 8 : Math.min(128, capacity / 2);
  const shared = !isPrivate(device, plan);
  device.run(
    shortKernel,
    { key: plan.key, descending: plan.descending, keysOut: keys !== null, capacity, shared, workgroup },
    {
      bindings: [x.binding(op), order.binding(op), ...(keys ? [keys.binding(op)] : [])],
      params: [rows, n, width, plan.inner, plan.orderInner, plan.size],
      grid: foldGrid(shared ? rows : Math.ceil(rows / workgroup), device.limits.maxWorkgroups),
      cost: { flops: 0, bytes: 8 * rows * n },
    },
  );
}

function launchRadix(op: string, device: Device, x: Tensor, order: Tensor, keys: Tensor | null, plan: SortPlan): void {
  const { rows, n } = plan;
  const software = device.deviceClass === 'software';
  const shared = !software;
  const bits = software ? 8 : 4;
  const digits = 2 ** bits;
  const workgroup = software ? 8 : 128;
  const wanted = software
    ? Math.max(1, Math.min(Math.floor(n / 1024), Math.ceil(128 / rows)))
    : Math.ceil(n / (workgroup * RADIX_ITEMS));
  const block = software ? Math.ceil(n / wanted) : workgroup * RADIX_ITEMS;
  const blocks = Math.ceil(n / block);
  const passes = Math.max(1, Math.ceil(plan.bits / bits));
  const units = rows * blocks;
  const grid = foldGrid(shared ? units : Math.ceil(units / workgroup), device.limits.maxWorkgroups);
  const owned: Tensor[] = [];
  const make = (shape: number[]) => {
    const t = Tensor.empty(op, device, 'u32', shape);
    owned.push(t);
    return t;
  };
  try {
    const counts = make([rows, digits * blocks]);
    const starts = make([rows, digits * blocks]);
    const slots = Array.from({ length: Math.min(2, passes - 1) }, () => ({
      keys: make([rows, n]),
      order: make([rows, n]),
    }));
    for (let pass = 0; pass < passes; pass++) {
      const first = pass === 0;
      const last = pass === passes - 1;
      const from = first ? null : slots[(pass - 1) % 2];
      const keysTo = last ? keys : slots[pass % 2].keys;
      const orderTo = last ? order : slots[pass % 2].order;
      const read = (from?.keys ?? x).binding(op);
      const spec: RadixSpec = {
        key: first ? plan.key : null,
        descending: first && plan.descending,
        last,
        keysOut: last && keys !== null,
        bits,
        shared,
        workgroup,
      };
      const params = [units, blocks, block, n, pass * bits, digits, plan.inner, plan.orderInner, plan.size];
      // What the last pass does differently does not concern counting: one pipeline less.
      const counting = { ...spec, last: false, keysOut: false };
      device.run(countKernel, counting, {
        bindings: [read, counts.binding(op)],
        params,
        grid,
        cost: { flops: 0, bytes: 4 * rows * n },
      });
      launchScan(op, device, counts, starts, {
        lead: rows,
        length: digits * blocks,
        inner: 1,
        reverse: false,
        exclusive: true,
      });
      device.run(moveKernel, spec, {
        bindings: [
          read,
          ...(from ? [from.order.binding(op)] : []),
          starts.binding(op),
          orderTo.binding(op),
          ...(keysTo ? [keysTo.binding(op)] : []),
        ],
        params,
        grid,
        cost: { flops: 0, bytes: 16 * rows * n },
      });
    }
  } finally {
    for (const t of owned) t.dispose();
  }
}
