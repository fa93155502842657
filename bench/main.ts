import { SecateurError } from '../src/gpu/errors.js';
import { comparison } from './compare.js';
import { readOptions, USAGE } from './options.js';
import { readReport } from './report-file.js';
import { runBench } from './run-bench.js';
import { suites } from './suites.js';

/** `secateur bench`: reads the arguments, does what they say, and returns the exit code. */
export async function bench(args: string[]): Promise<number> {
  try {
    const request = readOptions(args, suites());
    if ('help' in request) {
      console.log(USAGE);
      return 0;
    }
    if ('compare' in request) {
      const [a, b] = request.compare.map(readReport);
      console.log(comparison(a, b));
      return 0;
    }
    return await runBench(request.run);
  } catch (error) {
    const misused = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
    if (misused) console.error(`${(error as Error).message}\n${USAGE}`);
    else if (error instanceof RangeError || error instanceof SecateurError) console.error(`secateur: ${error.message}`);
    else console.error(error);
    return 1;
  }
}
