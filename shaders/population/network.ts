/** What a multilayer perceptron computes, as far as a shader is generated for it. */
export interface NetworkSpec {
  /** Units a layer: inputs, hidden layers, outputs. */
  sizes: readonly number[];
  /** `bce`: one logit, targets in [0, 1]. `crossEntropy`: one logit a class, class numbers as targets. */
  loss: 'bce' | 'crossEntropy';
}

/** Where the parameters of a layer begin: its weights [out, in], then its biases [out]. */
export function layerOffsets(sizes: readonly number[]): { weights: number; biases: number }[] {
  let at = 0;
  return sizes.slice(1).map((out, l) => {
    const weights = at;
    const biases = weights + out * sizes[l];
    at = biases + out;
    return { weights, biases };
  });
}

/** Weights and biases of a network. */
export const parameterCount = (sizes: readonly number[]): number =>
  sizes.slice(1).reduce((n, out, l) => n + out * (sizes[l] + 1), 0);

/** Name of a unit's activation (h) or of its gradient (d) in one row of a batch; layer 0 is the inputs. */
export const unitName = (kind: 'h' | 'd', layer: number, index: number, row: number): string =>
  `${kind}${layer}_${index}_${row}`;

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** A sum of products as one chain of fma, begun from `start`. */
const chain = (pairs: readonly (readonly [string, string])[], start: string): string =>
  pairs.reduce((sum, [a, b]) => `fma(${a}, ${b}, ${sum})`, start);

/**
 * One row through the network: h_l = relu(W_l h_(l-1) + b_l), without the relu in the last layer. Straight-line code over
 * the parameters `w`; `input` names the row's inputs.
 */
export function forwardText({ sizes }: NetworkSpec, row: number, input: (i: number) => string): string {
  const offsets = layerOffsets(sizes);
  const lines = range(sizes[0]).map((i) => `let ${unitName('h', 0, i, row)} = ${input(i)};`);
  offsets.forEach(({ weights, biases }, l) => {
    for (const o of range(sizes[l + 1])) {
      const products = range(sizes[l]).map(
        (i) => [`w[${weights + o * sizes[l] + i}]`, unitName('h', l, i, row)] as const,
      );
      const sum = chain(products, `w[${biases + o}]`);
      lines.push(`let ${unitName('h', l + 1, o, row)} = ${l < offsets.length - 1 ? `max(${sum}, 0.0)` : sum};`);
    }
  });
  return lines.join('\n');
}

const logits = ({ sizes }: NetworkSpec, row: number): string[] =>
  range(sizes[sizes.length - 1]).map((o) => unitName('h', sizes.length - 1, o, row));

/**
 * The loss of one row in two parts, `linear` and the factor `normaliser`: it is linear + log(normaliser), so that one
 * logarithm serves for a product of several rows. Also the gradients of the logits z.
 *
 *   bce:           max(z, 0) - z y + log(1 + exp(-|z|))
 *   crossEntropy:  max(z) - z_y + log(sum exp(z - max(z)))
 *
 * @param target names the row's target
 * @param present an expression that is false where the row does not exist and must not count; null for rows that do
 */
export function lossText(spec: NetworkSpec, row: number, target: string, present: string | null): string {
  const counts = (value: string, neutral: string) => (present ? `select(${neutral}, ${value}, ${present})` : value);
  const last = spec.sizes.length - 1;
  const z = logits(spec, row);
  const gradient = (o: number, value: string) => `let ${unitName('d', last, o, row)} = ${counts(value, '0.0')};`;
  if (spec.loss === 'bce') {
    return `
let e_${row} = exp(-abs(${z[0]}));
let inverse_${row} = 1.0 / (1.0 + e_${row});
let linear_${row} = ${counts(`max(${z[0]}, 0.0) - ${z[0]} * ${target}`, '0.0')};
let normaliser_${row} = ${counts(`1.0 + e_${row}`, '1.0')};
${gradient(0, `select(e_${row}, 1.0, ${z[0]} >= 0.0) * inverse_${row} - ${target}`)}`;
  }
  const own = (o: number, value: string) => `select(0.0, ${value}, label_${row} == ${o}u)`;
  return `
let label_${row} = u32(${target});
let top_${row} = ${z.reduce((a, b) => `max(${a}, ${b})`)};
${z.map((name, o) => `let e_${row}_${o} = exp(${name} - top_${row});`).join('\n')}
let sum_${row} = ${z.map((_, o) => `e_${row}_${o}`).join(' + ')};
let inverse_${row} = 1.0 / sum_${row};
let linear_${row} = ${counts(`top_${row} - (${z.map((name, o) => own(o, name)).join(' + ')})`, '0.0')};
let normaliser_${row} = ${counts(`sum_${row}`, '1.0')};
${z.map((_, o) => gradient(o, `e_${row}_${o} * inverse_${row} - ${own(o, '1.0')}`)).join('\n')}`;
}

/** Gradients of the hidden units of one row, from those of the logits. */
export function backwardText({ sizes }: NetworkSpec, row: number): string {
  const offsets = layerOffsets(sizes);
  const lines: string[] = [];
  for (let l = offsets.length - 1; l > 0; l--) {
    for (const i of range(sizes[l])) {
      const products = range(sizes[l + 1]).map(
        (o) => [`w[${offsets[l].weights + o * sizes[l] + i}]`, unitName('d', l + 1, o, row)] as const,
      );
      const sum = chain(products.slice(1), `${products[0][0]} * ${products[0][1]}`);
      lines.push(`let ${unitName('d', l, i, row)} = select(0.0, ${sum}, ${unitName('h', l, i, row)} > 0.0);`);
    }
  }
  return lines.join('\n');
}

/** Adds the gradients of rows 0 to `rows` - 1 to the parameters' gradients `g`: one load and store of each for them all. */
export function gradientText({ sizes }: NetworkSpec, rows: number): string {
  const lines: string[] = [];
  layerOffsets(sizes).forEach(({ weights, biases }, l) => {
    for (const o of range(sizes[l + 1])) {
      const deltas = range(rows).map((r) => unitName('d', l + 1, o, r));
      lines.push(`g[${biases + o}] += ${deltas.join(' + ')};`);
      for (const i of range(sizes[l])) {
        const at = `g[${weights + o * sizes[l] + i}]`;
        lines.push(
          `${at} = ${chain(
            range(rows).map((r) => [deltas[r], unitName('h', l, i, r)] as const),
            at,
          )};`,
        );
      }
    }
  });
  return lines.join('\n');
}

/** `right`: whether the prediction for a row is its target; a logit above 0 is class 1, the first of equal logits wins. */
export function correctText(spec: NetworkSpec, row: number, target: string): string {
  const z = logits(spec, row);
  if (spec.loss === 'bce') return `let right_${row} = (${z[0]} > 0.0) == (${target} > 0.5);`;
  return `
var best_${row} = 0u;
var greatest_${row} = ${z[0]};
${z
  .slice(1)
  .map((name, o) => `if (${name} > greatest_${row}) { greatest_${row} = ${name}; best_${row} = ${o + 1}u; }`)
  .join('\n')}
let right_${row} = best_${row} == u32(${target});`;
}

/** By its bits: compilers may take it for granted that no number is infinite or NaN. */
export const FINITE = 'fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }';
