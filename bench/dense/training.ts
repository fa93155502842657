import { compile, crossEntropy, type Device, grad, tensor } from '../../src/index.js';
import { convNet, Model, type Module, mlp, resnetCifar } from '../../src/nn/index.js';
import { adam, type Optimiser, sgd } from '../../src/optim/index.js';
import type { Candidate, Case, Family } from '../case.js';
import { deviceWork } from '../device-work.js';
import { engineValues } from '../engine-values.mjs';
import { batchOf, initialValues, network } from '../peers/lib/networks.mjs';
import { referenceLoss } from '../peers/lib/reference.mjs';

export type Name = 'mlp' | 'convnet' | 'resnet20';

const NETWORKS: Record<Name, () => Module> = {
  mlp: () => mlp([784, 256, 128, 10]),
  convnet: () => convNet(),
  resnet20: () => resnetCifar(20),
};

/** Largest relative error of the first loss, as for the peers. */
const TOLERANCE = 1e-4;
const SEED = 1;

function optimiserFor(name: Name, model: Model, lr: number): Optimiser {
  return name === 'resnet20' ? sgd(model.parameters, { lr, momentum: 0.9 }) : adam(model.parameters, { lr });
}

/**
 * One compiled training step on a fixed batch, from the values and images that the peers start from. The first loss is
 * held against a float64 forward pass, and the loss must fall over the plain, the captured and the first replayed step.
 */
export function trainingCandidate(device: Device, name: Name, batch: number): Candidate {
  return {
    name: 'secateur',
    kind: 'engine',
    async prepare() {
      const net = network(name, { batch });
      const values = initialValues(net, SEED);
      const { images, labels } = batchOf(net, SEED);
      const model = new Model(device, NETWORKS[name]());
      for (const [parameter, v] of Object.entries(engineValues(net, values))) model.get(parameter).write(v);
      const optimiser = optimiserFor(name, model, net.learningRate);
      const x = tensor(device, images, { shape: [batch, ...net.input] });
      const y = tensor(device, labels);
      const step = compile(device, () => {
        const loss = crossEntropy(model.forward(x, { training: true }), y);
        optimiser.step(grad(loss, model.parameters.list()));
        return loss;
      });
      const dispose = () => {
        for (const thing of [step, optimiser, model, x, y]) thing.dispose();
      };
      try {
        const losses: number[] = [];
        for (let i = 0; i < 3; i++) {
          const loss = step();
          losses.push(await loss.item());
          loss.dispose();
        }
        const reference = referenceLoss(net, values, { images, labels });
        if (!(losses[1] < losses[0] && losses[2] < losses[1]))
          throw new Error(`${name}: expected the loss to fall, got ${losses.join(', ')}`);
        const { dispatches, pipelines, bytes, flops } = step.report();
        const call = () => step().dispose();
        return deviceWork(device, {
          call,
          check: {
            what: `first loss (${losses[0]}) against float64 (${reference})`,
            error: Math.abs(losses[0] / reference - 1),
            tolerance: TOLERANCE,
          },
          cost: { flops, bytes: await bytesMoved(device, call) },
          waitEach: true,
          facts: { losses, dispatches, pipelines, bytes, parameters: model.count },
          dispose,
        });
      } catch (error) {
        dispose();
        throw error;
      }
    },
  };
}

/** Bytes that the kernels of one call declare to move; 0 where dispatches cannot be watched. */
async function bytesMoved(device: Device, call: () => void): Promise<number> {
  if (!device.hasTimestamps) return 0;
  return (await device.profile(call)).reduce((sum, row) => sum + (row.cost?.bytes ?? 0), 0);
}

const family: Family = ({ device }) => {
  const work: [title: string, name: Name, batch: number, long: boolean][] = [
    ['MLP 784-256-128-10, Adam', 'mlp', 1000, false],
    ['ConvNet 24c5-32c3-128-10, Adam', 'convnet', 250, false],
    ['ResNet-20, momentum', 'resnet20', 32, false],
    ['ResNet-20, momentum', 'resnet20', 128, true],
  ];
  return work.map(
    ([title, name, batch, long]): Case => ({
      name: `step: ${title}, batch ${batch}`,
      long,
      least: 5,
      candidates: [trainingCandidate(device, name, batch)],
      peer: { case: name, params: { batch }, items: batch },
    }),
  );
};

export default family;
