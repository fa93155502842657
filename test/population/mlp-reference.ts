/** What one network does, in float64. */
export interface HostMlp {
  sizes: readonly number[];
  loss: 'bce' | 'crossEntropy';
}

export interface HostOptimiserOptions {
  rule: 'sgd' | 'adam';
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
  betas?: readonly [number, number];
  eps?: number;
}

/** Logits of one row; `units` receives the activations of every layer. */
function forward({ sizes }: HostMlp, w: Float64Array, x: ArrayLike<number>, units: Float64Array[] = []): Float64Array {
  let h = Float64Array.from(x);
  units.push(h);
  let at = 0;
  for (let l = 1; l < sizes.length; l++) {
    const [fan, out] = [sizes[l - 1], sizes[l]];
    const next = new Float64Array(out);
    for (let o = 0; o < out; o++) {
      let z = w[at + out * fan + o];
      for (let i = 0; i < fan; i++) z += w[at + o * fan + i] * h[i];
      next[o] = l < sizes.length - 1 ? Math.max(z, 0) : z;
    }
    at += out * (fan + 1);
    h = next;
    units.push(h);
  }
  return h;
}

function lossOf(mlp: HostMlp, z: Float64Array, y: number): { loss: number; slope: Float64Array; right: boolean } {
  if (mlp.loss === 'bce') {
    const p = 1 / (1 + Math.exp(-z[0]));
    const loss = Math.max(z[0], 0) - z[0] * y + Math.log1p(Math.exp(-Math.abs(z[0])));
    return { loss, slope: Float64Array.of(p - y), right: z[0] > 0 === y > 0.5 };
  }
  const top = Math.max(...z);
  const e = z.map((v) => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return {
    loss: top + Math.log(sum) - z[y],
    slope: e.map((v, o) => v / sum - (o === y ? 1 : 0)),
    right: z.indexOf(top) === y,
  };
}

/** Mean loss and accuracy over rows. */
export function hostScores(mlp: HostMlp, w: ArrayLike<number>, x: ArrayLike<number>, y: ArrayLike<number>) {
  const weights = Float64Array.from(w);
  const fan = mlp.sizes[0];
  let loss = 0;
  let correct = 0;
  for (let r = 0; r < y.length; r++) {
    const row = Array.from({ length: fan }, (_, i) => x[r * fan + i]);
    const one = lossOf(mlp, forward(mlp, weights, row), y[r]);
    loss += one.loss;
    if (one.right) correct++;
  }
  return { loss: loss / y.length, correct };
}

/** Trains one network in float64, step by step as torch.optim documents its rules. */
export function hostTrain(
  mlp: HostMlp,
  initial: ArrayLike<number>,
  data: { x: ArrayLike<number>; y: ArrayLike<number> },
  batches: readonly ArrayLike<number>[],
  rate: (step: number) => number,
  o: HostOptimiserOptions,
  mask?: ArrayLike<number>,
): { weights: Float64Array; loss: number } {
  const { momentum = 0, weightDecay = 0, betas = [0.9, 0.999], eps = 1e-8 } = o;
  const fan = mlp.sizes[0];
  const kept = (i: number) => (mask ? mask[i] : 1);
  const w = Float64Array.from(initial, (v, i) => v * kept(i));
  const [m, v] = [new Float64Array(w.length), new Float64Array(w.length)];
  let loss = 0;
  batches.forEach((rows, step) => {
    const g = new Float64Array(w.length);
    loss = 0;
    for (let b = 0; b < rows.length; b++) {
      const units: Float64Array[] = [];
      const x = Array.from({ length: fan }, (_, i) => data.x[rows[b] * fan + i]);
      const one = lossOf(mlp, forward(mlp, w, x, units), data.y[rows[b]]);
      loss += one.loss / rows.length;
      accumulate(mlp, w, units, one.slope, g, 1 / rows.length);
    }
    const lr = rate(step);
    for (let i = 0; i < w.length; i++) {
      const slope = g[i] + weightDecay * w[i];
      if (o.rule === 'adam') {
        m[i] = betas[0] * m[i] + (1 - betas[0]) * slope;
        v[i] = betas[1] * v[i] + (1 - betas[1]) * slope * slope;
        const [a, b] = [m[i] / (1 - betas[0] ** (step + 1)), v[i] / (1 - betas[1] ** (step + 1))];
        w[i] -= (lr * a) / (Math.sqrt(b) + eps);
      } else {
        m[i] = momentum * m[i] + slope;
        w[i] -= lr * (o.nesterov ? slope + momentum * m[i] : m[i]);
      }
      w[i] *= kept(i);
      m[i] *= kept(i);
      v[i] *= kept(i);
    }
  });
  return { weights: w, loss };
}

/** Adds one row's gradient, times `scale`, to g. */
function accumulate(
  { sizes }: HostMlp,
  w: Float64Array,
  units: Float64Array[],
  top: Float64Array,
  g: Float64Array,
  scale: number,
): void {
  let at = w.length;
  let delta = top;
  for (let l = sizes.length - 1; l > 0; l--) {
    const [fan, out] = [sizes[l - 1], sizes[l]];
    at -= out * (fan + 1);
    const below = new Float64Array(fan);
    for (let o = 0; o < out; o++) {
      g[at + out * fan + o] += delta[o] * scale;
      for (let i = 0; i < fan; i++) {
        g[at + o * fan + i] += delta[o] * units[l - 1][i] * scale;
        if (units[l - 1][i] > 0) below[i] += w[at + o * fan + i] * delta[o];
      }
    }
    delta = below;
  }
}
