/** Options of an update in float64, as torch.optim defines them. */
export interface HostOptions {
  rule: 'sgd' | 'adam' | 'adamw';
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
  /** Which parameters decay, by index. */
  decays?: (index: number) => boolean;
  betas?: readonly [number, number];
  eps?: number;
  clipNorm?: number;
}

/** SGD, Adam and AdamW in float64, one array a parameter, written step by step as in torch.optim's documentation. */
export class HostOptimiser {
  readonly first: Float64Array[];
  readonly second: Float64Array[];
  private t = 0;

  constructor(
    readonly weights: Float64Array[],
    private readonly o: HostOptions,
  ) {
    this.first = weights.map((w) => new Float64Array(w.length));
    this.second = weights.map((w) => new Float64Array(w.length));
  }

  step(gradients: readonly ArrayLike<number>[], lr: number): void {
    const {
      rule,
      momentum = 0,
      nesterov = false,
      weightDecay = 0,
      betas = [0.9, 0.999],
      eps = 1e-8,
      clipNorm,
    } = this.o;
    this.t++;
    let norm = 0;
    for (const g of gradients) for (let i = 0; i < g.length; i++) norm += g[i] ** 2;
    const clip = clipNorm === undefined ? 1 : Math.min(1, clipNorm / (Math.sqrt(norm) + 1e-6));
    this.weights.forEach((w, k) => {
      const decay = this.o.decays?.(k) === false ? 0 : weightDecay;
      const [m, v] = [this.first[k], this.second[k]];
      for (let i = 0; i < w.length; i++) {
        let g = clip * gradients[k][i];
        if (rule === 'adamw') w[i] -= lr * decay * w[i];
        else g += decay * w[i];
        if (rule === 'sgd') {
          if (momentum === 0) {
            w[i] -= lr * g;
            continue;
          }
          m[i] = this.t === 1 ? g : momentum * m[i] + g;
          w[i] -= lr * (nesterov ? g + momentum * m[i] : m[i]);
          continue;
        }
        m[i] = betas[0] * m[i] + (1 - betas[0]) * g;
        v[i] = betas[1] * v[i] + (1 - betas[1]) * g * g;
        const mHat = m[i] / (1 - betas[0] ** this.t);
        const vHat = v[i] / (1 - betas[1] ** this.t);
        w[i] -= (lr * mHat) / (Math.sqrt(vHat) + eps);
      }
    });
  }
}
