#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { SecateurError } from '../gpu/errors.js';
import { packageVersion } from '../store/version.js';
import { exitCodeOf, WRONG_USAGE } from './exit-codes.js';

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

/** The values of an option that may be given several times. */
const repeated = (text: string, before: readonly string[]) => [...before, text];

const program = new Command('secateur')
  .description('Sparse tensor kernels on WebGPU, and a laboratory for neural-network pruning.')
  .version(packageVersion())
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE));

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

program
  .command('study')
  .description('run a study, or go on with it: all runs that have no result yet, then its answer and its report')
  .argument('<name>', 'svcca, or the path of a module whose default export is a study')
  .option('--preset <name>', "the study's settings to begin with (default: its first)")
  .option('--config <file>', 'YAML or JSON whose values replace those of the preset')
  .option('--set <key=value>', 'a single setting, as training.epochs=3; may be given several times', repeated, [])
  .option('--out <dir>', 'folder of results (default: runs/STUDY-PRESET)')
  .option('--data-root <dir>', 'folder of data sets (default: $SECATEUR_DATA)')
  .option('--shard <i/n>', 'only this part of the runs, for several machines')
  .option('--workers <n>', 'processes at a time, each with a device of its own', whole(1))
  .option('--dry-run', 'print the runs and what of them is done; do nothing')
  .option('--schema', 'print the JSON Schema of configuration files, for editors')
  .option('--no-report', 'write no report at the end')
  .action(async (name, options) => finish(await (await import('./study.js')).study(name, options)));

program
  .command('status')
  .description('how far the study in a folder is, who works on it, and how long it may take')
  .argument('<dir>', 'folder of results')
  .option('--json', 'one JSON object')
  .action(async (path, options) => finish(await (await import('./status.js')).status(path, options)));

program
  .command('report')
  .description('write the report of the study in a folder, of what is there')
  .argument('<dir>', 'folder of results')
  .action(async (path) => finish(await (await import('./report.js')).report(path)));

program
  .command('query')
  .description('ask the results of a study in SQL; its table is runs (id, status, config, result, about)')
  .argument('<dir>', 'folder of results')
  .argument('<sql>', 'for example: SELECT config.method, avg(result.accuracy) FROM runs GROUP BY ALL')
  .option('--json', 'an array of objects')
  .option('--csv', 'comma-separated values')
  .action(async (path, sql, options) => finish(await (await import('./query.js')).query(path, sql, options)));

program
  .command('export')
  .description('write the results of a study as one table')
  .argument('<dir>', 'folder of results')
  .option('--parquet [file]', 'as Parquet, compressed with zstd (default: runs.parquet in the folder)')
  .option('--csv [file]', 'as comma-separated values, one column a field (default: runs.csv in the folder)')
  .action(async (path, options) => finish(await (await import('./export.js')).exportRecords(path, options)));

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
  finish(exitCodeOf(error));
}
