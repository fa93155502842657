/** A 3x3 convolution with a padding of 1, evaluation-mode batch normalisation of fresh statistics, ReLU, 2x2 max-pool. */
interface Stage {
  side: number;
  inputs: number;
  outputs: number;
  pool: boolean;
}

const BN = 1 / Math.sqrt(1 + 1e-5);

/** VGG's convolutions of a 32x32 image by their numbers of channels; 0 is a pool. */
export function vggStages(plan: readonly number[]): Stage[] {
  const stages: Stage[] = [];
  let side = 32;
  let inputs = 3;
  for (const outputs of plan)
    if (outputs === 0) {
      stages[stages.length - 1].pool = true;
      side /= 2;
    } else {
      stages.push({ side, inputs, outputs, pool: false });
      inputs = outputs;
    }
  return stages;
}

/** Calls back for every product of the convolution: places in its input, weight and output. */
function eachTap({ side, inputs, outputs }: Stage, tap: (x: number, w: number, y: number) => void): void {
  for (let r = 0; r < side; r++)
    for (let c = 0; c < side; c++)
      for (let i = -1; i <= 1; i++)
        for (let j = -1; j <= 1; j++) {
          if (r + i < 0 || r + i >= side || c + j < 0 || c + j >= side) continue;
          const x = ((r + i) * side + c + j) * inputs;
          const y = (r * side + c) * outputs;
          for (let o = 0; o < outputs; o++) {
            const w = (o * 9 + (i + 1) * 3 + j + 1) * inputs;
            for (let k = 0; k < inputs; k++) tap(x + k, w + k, y + o);
          }
        }
}

/** For each output of a 2x2 max-pool, which input it takes: the first among equals. */
function poolIndex(x: Float64Array, side: number, channels: number): Int32Array {
  const half = side / 2;
  const index = new Int32Array(half * half * channels);
  for (let r = 0; r < half; r++)
    for (let c = 0; c < half; c++)
      for (let k = 0; k < channels; k++) {
        const places = [0, 1, 2, 3].map((q) => ((2 * r + (q >> 1)) * side + 2 * c + (q & 1)) * channels + k);
        index[(r * half + c) * channels + k] = places.reduce((best, p) => (x[p] > x[best] ? p : best));
      }
  return index;
}

/**
 * Synaptic flow of a VGG with a mean over its last pixels and one linear layer, in float64: |w| dR/d|w| of each layer.
 *
 * @param weights absolute values, those of the linear layer last
 */
export function vggFlow(stages: readonly Stage[], weights: readonly Float64Array[], classes: number): Float64Array[] {
  let x = new Float64Array(32 * 32 * 3).fill(1);
  const before: Float64Array[] = [];
  const pools: (Int32Array | null)[] = [];
  stages.forEach((stage, l) => {
    before.push(x);
    const y = new Float64Array(stage.side ** 2 * stage.outputs);
    const w = weights[l];
    eachTap(stage, (a, b, c) => void (y[c] += BN * x[a] * w[b]));
    const index = stage.pool ? poolIndex(y, stage.side, stage.outputs) : null;
    pools.push(index);
    x = index ? Float64Array.from(index, (p) => y[p]) : y;
  });
  const { outputs } = stages[stages.length - 1];
  const pixels = x.length / outputs;
  const features = Float64Array.from({ length: outputs }, (_, k) => {
    let sum = 0;
    for (let p = 0; p < pixels; p++) sum += x[p * outputs + k];
    return sum / pixels;
  });
  const last = weights[weights.length - 1];
  const flows = [last.map((w, i) => w * features[i % outputs])];
  let back = new Float64Array(x.length);
  for (let o = 0; o < classes; o++) back = back.map((g, i) => g + last[o * outputs + (i % outputs)] / pixels);
  for (let l = stages.length - 1; l >= 0; l--) {
    const stage = stages[l];
    const [input, w, index] = [before[l], weights[l], pools[l]];
    let dy = back;
    if (index) {
      dy = new Float64Array(stage.side ** 2 * stage.outputs);
      index.forEach((p, i) => void (dy[p] += back[i]));
    }
    const [dx, dw] = [new Float64Array(input.length), new Float64Array(w.length)];
    eachTap(stage, (a, b, c) => {
      const g = BN * dy[c];
      dw[b] += g * input[a];
      dx[a] += g * w[b];
    });
    flows.unshift(dw.map((g, i) => g * w[i]));
    back = dx;
  }
  return flows;
}
