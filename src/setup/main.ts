#!/usr/bin/env node
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Progress } from './progress.js';
import { type SetupDriver, setup } from './setup.js';

const USAGE = `usage: setup [--driver auto|lavapipe|swiftshader] [--force] [--quiet]
Makes sure that there is a graphics adapter to compute on; without one, unpacks a software driver. Needs no root.
  --driver   the software driver to unpack, even beside a GPU (auto: the system's, else lavapipe, else SwiftShader)
  --force    probe and unpack anew
  --quiet    print errors only`;

const DRIVERS: readonly string[] = ['auto', 'lavapipe', 'swiftshader'];

/** Runs setup as a command and gives its exit code: 0 done, 1 no adapter, 2 wrong options. */
export async function main(args: string[]): Promise<number> {
  let values: { driver: string; force: boolean; quiet: boolean; help: boolean };
  try {
    values = parseArgs({
      args,
      options: {
        driver: { type: 'string', default: 'auto' },
        force: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    }).values;
  } catch (error) {
    return usageError((error as Error).message);
  }
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  if (!DRIVERS.includes(values.driver)) {
    return usageError(`--driver: expected ${DRIVERS.join(', ')}, got '${values.driver}'`);
  }
  const progress = new Progress(process.stderr, values.quiet);
  try {
    const outcome = await setup({ driver: values.driver as SetupDriver, force: values.force, progress });
    progress.say(outcome);
    return 0;
  } catch (error) {
    progress.clear();
    console.error(`secateur setup: ${(error as Error).message}`);
    return 1;
  }
}

function usageError(message: string): number {
  console.error(`secateur setup: ${message}\n${USAGE}`);
  return 2;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
