// One process of a run that is stopped and resumed: node resume-child.ts FOLDER NAME EPOCHS [EVERY]

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDevice } from '../../src/index.js';
import { Model } from '../../src/nn/index.js';
import { adam, warmUp } from '../../src/optim/index.js';
import { fit as fitModel } from '../../src/train/index.js';
import { checkpointFile } from '../../src/train/node/index.js';
import { images, network, upload } from './support.js';

const [folder, name, epochs, every] = process.argv.slice(2);
const device = await openDevice();
const { inputs, targets } = upload(device, images('resume', 60));
const model = new Model(device, network(), { seed: 9 });
const optimiser = adam(model.parameters, { lr: 0.02, schedule: warmUp(4) });
const file = checkpointFile(join(folder, `${name}.ckpt`));
const save = async (bytes: Uint8Array) => {
  await file.save(bytes);
  process.stdout.write('saved\n');
};
const result = await fitModel(model, optimiser, inputs, targets, {
  epochs: Number(epochs),
  batch: 8,
  seed: 4,
  readEvery: 3,
  resume: await file.load(),
  checkpoint: { save, every: every ? Number(every) : undefined },
  onEpoch: async ({ epoch }) => ({ third: epoch / 3, none: Number.NaN }),
});
writeFileSync(join(folder, `${name}.bin`), new Uint8Array((await model.parameters.flat.data()).buffer));
writeFileSync(join(folder, `${name}.json`), JSON.stringify(result.history));
await device.close();
