import { noGrad } from '../autograd/node.js';
import { apply, constant, type Expr } from '../expr/expr.js';
import type { Device } from '../gpu/device.js';
import { Sequential } from '../nn/layers.js';
import type { Context, Module } from '../nn/module.js';
import { ones } from '../ops/create.js';
import { add, div, fuse, log, mul } from '../ops/pointwise.js';
import { mean } from '../ops/reductions.js';
import type { Shape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { axesBehind, broadcastAlong } from './models.js';

/** What is added to activations, and so must shrink with them. */
const ADDED = /(^|\.)(bias|running_mean)$/;

/**
 * Runs a network of non-negative values with its activations divided, at cuts that every path crosses, by powers of two
 * near their means. All gradients of the outputs' sum are divided by the same number then, so that no ranking changes
 * and nothing overflows however deep the network is. Cuts are behind the modules of a `Sequential`, inside of others
 * (a residual block) there are none: one of two paths alone would be scaled.
 */
export class CutScale {
  /** The product of all divisors so far. Infinite beyond what a float holds: what is added there counts for nothing. */
  private divisor: Tensor;
  /** Its natural logarithm, of the shape of what leads. */
  log: Tensor;

  /** @param lead axes that lead all tensors: [models] of a population, each of which has a divisor of its own */
  constructor(
    device: Device,
    private readonly lead: Shape,
    private readonly enabled: boolean,
  ) {
    this.divisor = ones(device, lead);
    this.log = noGrad(() => log(this.divisor));
  }

  /** A parameter as the modules that come next should see it. */
  inScale(name: string, value: Tensor): Tensor {
    return this.enabled && ADDED.test(name) ? div(value, broadcastAlong(this.divisor, value)) : value;
  }

  run(module: Module, x: Tensor, context: Context): Tensor {
    if (!(module instanceof Sequential)) {
      const y = module.run(x, context);
      return this.enabled && hasParameters(module) ? this.cut(y) : y;
    }
    let y = x;
    for (const child of module.children.values()) y = this.run(child, y, context);
    return y;
  }

  private cut(y: Tensor): Tensor {
    const by = noGrad(() => powerOfTwo(mean(y, axesBehind(this.lead, y))));
    noGrad(() => {
      this.divisor = mul(this.divisor, by);
      this.log = add(this.log, log(by));
    });
    return div(y, broadcastAlong(by, y));
  }
}

const hasParameters = (module: Module): boolean =>
  module.declared.some((d) => d.kind === 'parameter') || [...module.children.values()].some(hasParameters);

/**
 * The power of two at or above a positive float (Rump 2009): what the rounding of 2^24 x - x leaves. 1 for 0, of a layer
 * that is gone. In two kernels: within one, a driver may take 2^24 x - x - 2^24 x for -x.
 */
function powerOfTwo(x: Tensor): Tensor {
  const large = (v: Expr) => apply('mul', v, constant(2 ** 24));
  const rounded = fuse((v) => apply('sub', large(v), v), [x], 'synflow');
  return fuse(
    (v, r) => {
      const power = apply('sub', large(v), r);
      return apply('where', apply('gt', power, constant(0)), power, constant(1));
    },
    [x, rounded],
    'synflow',
  );
}
