#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { SecateurError } from '../gpu/errors.js';

/** Whole numbers from `least`. */
const whole = (least: number) => (text: string) => {
  const n = Number(text);
  if (!Number.isInteger(n) || n < least) throw new InvalidArgumentError(`expected a whole number >= ${least}`);
  return n;
};
const share = (text: string) => {
  const n = Number(text);
  if (!(n >= 0 && n < 1)) throw new InvalidArgumentError('expected a number in [0, 1)');
  return n;
};
const positive = (text: string) => {
  const n = Number(text);
  if (!(n > 0 && n < Number.POSITIVE_INFINITY)) throw new InvalidArgumentError('expected a number > 0');
  return n;
};
/** Three numbers between commas: red, green, blue. */
const channels = (text: string) => {
  const values = text.split(',').map((part) => (part.trim() ? Number(part) : Number.NaN));
  if (values.length !== 3 || !values.every(Number.isFinite)) throw new InvalidArgumentError('expected r,g,b');
  return values;
};

const version = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
const program = new Command('secateur')
  .description('Sparse tensor kernels on WebGPU, and a laboratory for neural-network pruning.')
  .version(version);

// Commands load what they need when they run: `doctor` must work where Dawn cannot even be loaded.
program
  .command('demo')
  .description('train a small ConvNet on generated digits, prune it by magnitude, fine-tune it')
  .option('--seed <n>', 'seed of data, weights and order', whole(0), 1)
  .option('--sparsity <share>', 'share of weights to remove', share, 0.9)
  .option('--images <n>', 'training images', whole(250), 12_000)
  .option('--epochs <n>', 'epochs of dense training', whole(1), 6)
  .option('--fine-tune <n>', 'epochs of fine-tuning', whole(1), 4)
  .action(async (options) => finish(await (await import('./demo.js')).demo(options)));

program
  .command('eval')
  .description('evaluate a network with stored weights (safetensors, PyTorch names) on a CIFAR test set')
  .requiredOption('--model <name>', 'a network of the zoo, such as resnet20, vgg16_bn, resnet18')
  .requiredOption('--weights <file>', 'its weights')
  .requiredOption('--data <path>', "a test set in CIFAR's binary layout, or the folder that has it")
  .option('--classes <n>', 'classes, if not those that the network was made for', whole(1))
  .option('--width <factor>', 'multiplier of its channels', positive)
  .option('--batch <n>', 'images at a time', whole(1), 500)
  .option('--mean <r,g,b>', "channels' means, of pixels in [0, 1]", channels, [0.485, 0.456, 0.406])
  .option('--std <r,g,b>', "channels' standard deviations", channels, [0.229, 0.224, 0.225])
  .option('--json', 'one JSON object')
  .action(async (options) => finish(await (await import('./eval.js')).evaluateFile(options)));

program
  .command('doctor')
  .description('print adapter, driver, features and limits, and what is wrong if something is')
  .option('--json', 'one JSON object')
  .action(async (options) => finish(await (await import('./doctor.js')).doctor(options)));

program
  .command('setup')
  .description('make sure that there is an adapter to compute on; unpack a software driver where there is none')
  .allowUnknownOption()
  .helpOption(false)
  .argument('[options...]', 'see --help of setup itself')
  .action(async () => finish(await (await import('../setup/main.js')).main(process.argv.slice(3))));

program
  .command('tune')
  .description('measure kernel tiles on this adapter and write a table that openDevice({ tuned }) takes')
  .option('--out <file>', 'where to write the table')
  .option('--adapter <name>', 'only an adapter whose name contains this')
  .option('--quick', 'fewer sizes and samples')
  .action(async (options) => finish(await (await import('./tune.js')).tune(options)));

program
  .command('bench')
  .description('measure kernels beside each other: break-evens of sparse with dense, rooflines, peers')
  .allowUnknownOption()
  .helpOption(false)
  .argument('[arguments...]', 'suites, matrices and options: see --help of bench itself')
  .action(async () => finish(await (await import('../../bench/main.js')).bench(process.argv.slice(3))));

const data = program.command('data').description('data sets: what there is, and downloads');
data
  .command('list')
  .description('print the known data sets, and what of them is there')
  .option('--root <dir>', 'data folder (default: $SECATEUR_DATA, or else data)')
  .action(async (options) => finish(await (await import('./data.js')).listData(options)));
data
  .command('fetch')
  .description('download a data set, going on where an earlier download ended, and check it')
  .argument('<name>', 'mnist, fashion-mnist, cifar10 or cifar100')
  .option('--root <dir>', 'data folder (default: $SECATEUR_DATA, or else data)')
  .option('--mirror <url...>', 'addresses of folders to try first')
  .action(async (name, options) => finish(await (await import('./data.js')).fetchData(name, options)));

/**
 * Ends the process once standard output is flushed: Dawn's threads may otherwise keep it alive, or crash it, at exit.
 */
function finish(code: number): void {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}

try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof SecateurError;
  console.error(known ? `secateur: ${error.message}` : error);
  finish(1);
}
