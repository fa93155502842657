/**
 * Child process: opens a device, builds the ConvNet, does one training step and prints when it was done. Runs the built
 * package, as a user's program would. The reference is computed after the clock has been read.
 */
import { crossEntropy, grad, openDevice, scope, tensor } from 'secateur';
import { convNet, Model } from 'secateur/nn';
import { adam } from 'secateur/optim';
import { engineValues } from '../engine-values.mjs';
import { batchOf, initialValues, network } from '../peers/lib/networks.mjs';
import { referenceLoss } from '../peers/lib/reference.mjs';

const net = network('convnet', JSON.parse(process.argv[2]));
const values = initialValues(net, 1);
const { images, labels } = batchOf(net, 1);

const device = await openDevice();
const openMs = performance.now();
const model = new Model(device, convNet());
for (const [name, v] of Object.entries(engineValues(net, values))) model.get(name).write(v);
const optimiser = adam(model.parameters, { lr: net.learningRate });
const x = tensor(device, images, { shape: [net.batch, ...net.input] });
const y = tensor(device, labels);
const result = scope(() => {
  const loss = crossEntropy(model.forward(x, { training: true }), y);
  optimiser.step(grad(loss, model.parameters.list()));
  return loss;
});
const loss = await result.item();
await device.sync();
const stepMs = performance.now();

const reference = referenceLoss(net, values, { images, labels });
await device.close();
process.stdout.write(`${JSON.stringify({ openMs, stepMs, loss, reference })}\n`, () => process.exit(0));
