/**
 * Initial values as the peers name and lay them out (peers/lib/networks.mjs: HWIO convolutions, dense [in, out]), under
 * this engine's names and in its layouts (OHWI, [out, in]).
 */

const NAMES = {
  mlp: { w: (n) => `${n}.weight`, b: (n) => `${n}.bias`, layers: ['0', '1', '2'] },
  convnet: { w: (n) => `${n}.weight`, b: (n) => `${n}.bias`, layers: ['conv1', 'conv2', 'fc1', 'fc2'] },
};

/** The engine's name of a parameter of a peer's network. */
function engineName(network, name) {
  const plain = /^([wb])(\d)$/.exec(name);
  if (plain) {
    const names = NAMES[network];
    return names[plain[1]](names.layers[plain[2] - 1]);
  }
  const [path, leaf] = [name.slice(0, name.lastIndexOf('.')), name.slice(name.lastIndexOf('.') + 1)];
  if (path === 'head') return leaf === 'w' ? 'linear.weight' : 'linear.bias';
  const block = /^s(\d)b(\d)\.(\d)$/.exec(path);
  const prefix = block ? `layer${Number(block[1]) + 1}.${block[2]}.` : '';
  const number = block ? block[3] : '1'; // the stem
  return {
    w: `${prefix}conv${number}.weight`,
    scale: `${prefix}bn${number}.weight`,
    shift: `${prefix}bn${number}.bias`,
  }[leaf];
}

/** [rows, columns] to [columns, rows]; a convolution's [h, w, in, out] is [h w in, out], and OHWI is its transpose. */
function transposed(values, columns) {
  const rows = values.length / columns;
  const out = new Float32Array(values.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c];
  return out;
}

/** @returns {Record<string, Float32Array>} values by the engine's parameter names */
export function engineValues(network, values) {
  return Object.fromEntries(
    Object.entries(network.parameters).map(([name, { shape }]) => [
      engineName(network.name, name),
      shape.length === 1 ? values[name] : transposed(values[name], shape.at(-1)),
    ]),
  );
}
