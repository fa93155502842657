/** Float64 references on the host: plain loops, written for reading. Layouts as in networks.mjs. */
import { BATCH_NORM_EPSILON, CLASSES, RESNET20_BLOCKS } from './networks.mjs';

/**
 * Largest error of C = A B over sampled entries, relative to the sum of the absolute products of the entry.
 * @param {Float32Array} a @param {Float32Array} b @param {Float32Array} c all [n, n]
 */
export function matmulError(a, b, c, n, samples = 400) {
  let worst = 0;
  for (let s = 0; s < samples; s++) {
    // Both corners, then a walk that visits rows and columns evenly.
    const row = s === 0 ? 0 : s === 1 ? n - 1 : (s * 7919) % n;
    const column = s === 0 ? 0 : s === 1 ? n - 1 : (s * 104729 + (s >> 3)) % n;
    let sum = 0;
    let size = 0;
    for (let k = 0; k < n; k++) {
      const product = a[row * n + k] * b[k * n + column];
      sum += product;
      size += Math.abs(product);
    }
    const error = Math.abs(c[row * n + column] - sum) / size;
    worst = Math.max(worst, error); // keeps a NaN
  }
  return worst;
}

/**
 * Largest entry of U S V' - A and of U'U - 1 and V'V - 1 over sampled rows, relative to the largest singular value.
 * @param {Float32Array} a [m, n], m >= n
 * @param {{ u: Float32Array, s: Float32Array, vt: Float32Array }} factors [m, n], [n], [n, n]
 */
export function svdError(a, m, n, { u, s, vt }, samples = 64) {
  let worst = 0;
  for (let i = 0; i < samples; i++) {
    const row = i === 0 ? m - 1 : (i * 7919) % m;
    for (let column = 0; column < n; column++) {
      let sum = -a[row * n + column];
      for (let k = 0; k < n; k++) sum += u[row * n + k] * s[k] * vt[k * n + column];
      worst = Math.max(worst, Math.abs(sum) / s[0]);
    }
    const [first, second] = [(i * 31) % n, (i * 47 + (i >> 2)) % n];
    let [left, right] = first === second ? [-1, -1] : [0, 0];
    for (let k = 0; k < m; k++) left += u[k * n + first] * u[k * n + second];
    for (let k = 0; k < n; k++) right += vt[first * n + k] * vt[second * n + k];
    worst = Math.max(worst, Math.abs(left), Math.abs(right)); // keeps a NaN
  }
  return worst;
}

/**
 * Mean softmax cross-entropy of a network on one batch.
 * @param {import('./networks.mjs').Network} network
 * @param {Record<string, Float32Array>} values parameters
 * @param {{ images: Float32Array, labels: Int32Array }} batch
 */
export function referenceLoss(network, values, { images, labels }) {
  const x = { data: Float64Array.from(images), shape: [network.batch, ...network.input] };
  return crossEntropy(FORWARD[network.name](x, values), labels);
}

const FORWARD = {
  mlp(x, p) {
    const h1 = relu(dense(x, p.w1, p.b1));
    const h2 = relu(dense(h1, p.w2, p.b2));
    return dense(h2, p.w3, p.b3);
  },
  convnet(x, p) {
    const h1 = relu(maxPool2(addChannels(conv(x, p.w1, 5, 24, 1, 0), p.b1)));
    const h2 = relu(maxPool2(addChannels(conv(h1, p.w2, 3, 32, 1, 0), p.b2)));
    return dense(relu(dense(h2, p.w3, p.b3)), p.w4, p.b4);
  },
  resnet20(x, p) {
    const convNorm = (input, name, width, stride) =>
      batchNorm(conv(input, p[`${name}.w`], 3, width, stride, 1), p[`${name}.scale`], p[`${name}.shift`]);
    let h = relu(convNorm(x, 'stem', 16, 1));
    for (const { name, width, stride } of RESNET20_BLOCKS) {
      const inner = relu(convNorm(h, `${name}.1`, width, stride));
      h = relu(add(convNorm(inner, `${name}.2`, width, 1), stride === 1 ? h : shortcut(h)));
    }
    return dense(globalAveragePool(h), p['head.w'], p['head.b']);
  },
};

const volume = (shape) => shape.reduce((a, b) => a * b, 1);

/** x [batch, ...] times w [in, out] plus b [out]. */
function dense({ data, shape: [batch, ...rest] }, w, b) {
  const fanIn = volume(rest);
  const out = b.length;
  const y = new Float64Array(batch * out);
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < out; o++) y[n * out + o] = b[o];
    for (let i = 0; i < fanIn; i++) {
      const value = data[n * fanIn + i];
      for (let o = 0; o < out; o++) y[n * out + o] += value * w[i * out + o];
    }
  }
  return { data: y, shape: [batch, out] };
}

/** Square convolution with zero padding `pad` at the top and left; the output covers every whole window. */
function conv({ data, shape: [batch, height, width, channels] }, w, size, out, stride, pad) {
  const outHeight = Math.floor((height + 2 * pad - size) / stride) + 1;
  const outWidth = Math.floor((width + 2 * pad - size) / stride) + 1;
  const y = new Float64Array(batch * outHeight * outWidth * out);
  const kernel = Float64Array.from(w);
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        const target = ((n * outHeight + oy) * outWidth + ox) * out;
        for (let ky = 0; ky < size; ky++) {
          const iy = oy * stride + ky - pad;
          if (iy < 0 || iy >= height) continue;
          for (let kx = 0; kx < size; kx++) {
            const ix = ox * stride + kx - pad;
            if (ix < 0 || ix >= width) continue;
            const source = ((n * height + iy) * width + ix) * channels;
            const tap = (ky * size + kx) * channels * out;
            let c = 0;
            // Four channels a pass: this loop is all the time of the reference.
            for (; c + 4 <= channels; c += 4) {
              const [v0, v1, v2, v3] = [
                data[source + c],
                data[source + c + 1],
                data[source + c + 2],
                data[source + c + 3],
              ];
              const k0 = tap + c * out;
              const [k1, k2, k3] = [k0 + out, k0 + 2 * out, k0 + 3 * out];
              for (let o = 0; o < out; o++) {
                y[target + o] += v0 * kernel[k0 + o] + v1 * kernel[k1 + o] + v2 * kernel[k2 + o] + v3 * kernel[k3 + o];
              }
            }
            for (; c < channels; c++) {
              const value = data[source + c];
              const from = tap + c * out;
              for (let o = 0; o < out; o++) y[target + o] += value * kernel[from + o];
            }
          }
        }
      }
    }
  }
  return { data: y, shape: [batch, outHeight, outWidth, out] };
}

function addChannels({ data, shape }, b) {
  return { data: data.map((value, i) => value + b[i % b.length]), shape };
}

function add(x, y) {
  return { data: x.data.map((value, i) => value + y.data[i]), shape: x.shape };
}

function relu({ data, shape }) {
  return { data: data.map((value) => Math.max(value, 0)), shape };
}

function maxPool2({ data, shape: [batch, height, width, channels] }) {
  const shape = [batch, height / 2, width / 2, channels];
  const y = new Float64Array(volume(shape)).fill(Number.NEGATIVE_INFINITY);
  for (let i = 0; i < data.length; i++) {
    const c = i % channels;
    const ix = Math.floor(i / channels) % width;
    const row = Math.floor(i / (channels * width)); // image and line together: heights are even
    const target = ((row >> 1) * shape[2] + (ix >> 1)) * channels + c;
    y[target] = Math.max(y[target], data[i]);
  }
  return { data: y, shape };
}

/** Batch normalisation with the statistics of the batch (biased variance). */
function batchNorm({ data, shape }, scale, shift) {
  const channels = scale.length;
  const count = data.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let i = 0; i < data.length; i++) mean[i % channels] += data[i] / count;
  for (let i = 0; i < data.length; i++) variance[i % channels] += (data[i] - mean[i % channels]) ** 2 / count;
  return {
    data: data.map((value, i) => {
      const c = i % channels;
      return ((value - mean[c]) / Math.sqrt(variance[c] + BATCH_NORM_EPSILON)) * scale[c] + shift[c];
    }),
    shape,
  };
}

/** Option A: every second pixel, and as many zero channels before and after as double the channels. */
function shortcut({ data, shape: [batch, height, width, channels] }) {
  const shape = [batch, height / 2, width / 2, 2 * channels];
  const y = new Float64Array(volume(shape));
  let target = 0;
  for (let n = 0; n < batch; n++) {
    for (let iy = 0; iy < height; iy += 2) {
      for (let ix = 0; ix < width; ix += 2, target += 2 * channels) {
        const source = ((n * height + iy) * width + ix) * channels;
        y.set(data.subarray(source, source + channels), target + channels / 2);
      }
    }
  }
  return { data: y, shape };
}

function globalAveragePool({ data, shape: [batch, height, width, channels] }) {
  const y = new Float64Array(batch * channels);
  const pixels = height * width;
  for (let i = 0; i < data.length; i++) {
    y[Math.floor(i / (pixels * channels)) * channels + (i % channels)] += data[i] / pixels;
  }
  return { data: y, shape: [batch, channels] };
}

function crossEntropy({ data }, labels) {
  let total = 0;
  for (const [row, label] of labels.entries()) {
    const logits = data.subarray(row * CLASSES, (row + 1) * CLASSES);
    const largest = Math.max(...logits);
    const sum = logits.reduce((a, value) => a + Math.exp(value - largest), 0);
    total += largest + Math.log(sum) - logits[label];
  }
  return total / labels.length;
}
