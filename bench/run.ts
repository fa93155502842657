import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { openDevice, SecateurError } from '../src/index.js';
import { type Case, type Family, mergeCases, type SuiteContext } from './case.js';
import { environment, load } from './environment.js';
import { measure, type Row } from './harness.js';
import { Peer, peerCandidate, peerEnvironment, peerNames, peersMissing } from './peers.js';
import { benchmarkJson, heading, kernelLines, peerTable, type Report, resultTable } from './report.js';
import { higher, measureRoofline, type Roofline } from './roofline.js';
import { runSuite } from './suite.js';

const USAGE = `usage: npm run bench -- [options]
  --suite <name>    a folder of cases (default: dense)
  --filter <text>   only cases whose name contains this
  --quick           fewer samples, and no long cases
  --peers           the same work on the libraries of bench/peers, in the same run
  --threads <n>     threads of a software driver
  --adapter <name>  only an adapter whose name contains this
  --out <file>      where to write the results (default: runs/bench/<suite>.json)
  --list            print the cases and end`;

interface Options {
  suite: string;
  filter: string;
  quick: boolean;
  peers: boolean;
  list: boolean;
  threads: number | undefined;
  adapter: string | undefined;
  out: string;
}

function readOptions(args: string[]): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: {
      suite: { ...text, default: 'dense' },
      filter: { ...text, default: '' },
      quick: flag,
      peers: flag,
      list: flag,
      threads: text,
      adapter: text,
      out: text,
      help: flag,
    },
  });
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 0))
    throw new RangeError(`--threads: expected a whole number >= 0, got ${values.threads}`);
  const known = suites();
  if (!known.includes(values.suite))
    throw new RangeError(`--suite: expected one of ${known.join(', ')}, got ${values.suite}`);
  const { suite, filter, quick, peers, list, adapter } = values;
  return {
    suite,
    filter: filter.toLowerCase(),
    quick,
    peers,
    list,
    threads,
    adapter,
    out: values.out ?? `runs/bench/${suite}.json`,
  };
}

/** Folders beside this file that hold cases. */
function suites(): string[] {
  const here = new URL('.', import.meta.url);
  const folders = readdirSync(here, { withFileTypes: true }).filter((e) => e.isDirectory());
  return folders.map((e) => e.name).filter((name) => !['peers', 'results'].includes(name));
}

/** Every `.ts` file in a suite's folder is a family of cases; families may add candidates to each other's cases. */
async function loadCases(suite: string, context: SuiteContext): Promise<Case[]> {
  const folder = new URL(`${suite}/`, import.meta.url);
  const cases: Case[] = [];
  for (const file of readdirSync(folder)
    .filter((f) => f.endsWith('.ts'))
    .sort()) {
    const { default: family } = (await import(new URL(file, folder).href)) as { default: Family };
    cases.push(...family(context));
  }
  return mergeCases(cases);
}

async function startPeers(env: NodeJS.ProcessEnv): Promise<Peer[]> {
  const missing = peersMissing();
  if (missing) {
    console.log(`${missing}; going on without`);
    return [];
  }
  const started: Peer[] = [];
  for (const { name, peer, options } of peerNames()) {
    try {
      started.push(await Peer.start(name, peer, options, env));
    } catch (error) {
      console.log(`${name} did not start: ${(error as Error).message}`);
    }
  }
  return started;
}

async function main(options: Options): Promise<number> {
  const started = new Date();
  const before = load();
  const device = await openDevice({
    threads: options.threads,
    adapter: options.adapter,
    toggles: { disable: ['timestamp_quantization'] },
  });
  const peers: Peer[] = [];
  try {
    const context: SuiteContext = { device, quick: options.quick, peers: options.peers };
    const all = await loadCases(options.suite, context);
    const cases = all.filter((c) => c.name.toLowerCase().includes(options.filter) && !(options.quick && c.long));
    if (options.list) {
      for (const c of cases)
        console.log(`${c.name}: ${c.candidates.map((x) => x.name).join(', ')}${c.peer ? '; peers' : ''}`);
      return 0;
    }
    if (cases.length === 0) throw new RangeError(`--filter: no case contains '${options.filter}'; --list names them`);
    if (options.peers) peers.push(...(await startPeers(peerEnvironment(device))));

    const roofMs = options.quick ? 1000 : 3000;
    let roofline = await measureRoofline(device, roofMs);
    const rows: Row[] = [];
    const budget = { ms: options.quick ? 200 : 1000, most: 60 };
    const report = (roofline: Roofline): Report => ({
      schema: 1,
      suite: options.suite,
      started: started.toISOString(),
      seconds: Math.round((Date.now() - started.getTime()) / 100) / 10,
      quick: options.quick,
      environment: environment(device),
      load: [before, load()],
      roofline,
      peers: peers.flatMap((p) => p.facts ?? []),
      rows,
    });
    const jobs = cases.map((c) => ({
      name: c.name,
      run: async () => {
        const compared = c.peer ? peers.map((p) => peerCandidate(p, c.peer!)) : [];
        const found = await measure({ ...c, candidates: [...c.candidates, ...compared] }, budget);
        rows.push(...found);
        // After every case, so that a long run that is cut off keeps what it has.
        write(report(roofline), options.out);
        const failed = found.find((r) => r.error !== undefined);
        if (failed) throw new Error(`${failed.candidate}: ${failed.error}`);
        const first = found.find((r) => r.kind === 'engine') ?? found[0];
        return (first.samples ?? []).map((ms) => ms / 1000);
      },
    }));
    const errors = await runSuite(options.suite, jobs, (line) => console.log(line));
    roofline = higher(roofline, await measureRoofline(device, roofMs));

    const whole = report(roofline);
    print(whole);
    write(whole, options.out);
    console.log(`\n${whole.seconds} s; written to ${options.out}`);
    return errors.size === 0 ? 0 : 1;
  } finally {
    await Promise.all(peers.map((p) => p.stop()));
    await device.close();
  }
}

function print(report: Report): void {
  const compared = peerTable(report);
  const kernels = kernelLines(report);
  console.log(`\n${heading(report)}\n\n${resultTable(report)}`);
  if (kernels.length > 0) console.log(`\nGPU time by kernel (dispatches):\n${kernels.join('\n')}`);
  if (compared) console.log(`\nWall time of one complete call, and how many times ours it is:\n${compared}`);
}

function write(report: Report, out: string): void {
  const forAction = out.replace(/(\.json)?$/, '.benchmark.json');
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(forAction, `${JSON.stringify(benchmarkJson(report), null, 1)}\n`);
}

let code = 1;
try {
  code = await main(readOptions(process.argv.slice(2)));
} catch (error) {
  const misused = error instanceof RangeError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  if (misused) console.error(`${(error as Error).message}\n${USAGE}`);
  else console.error(error instanceof SecateurError ? error.message : error);
}
// Dawn's threads may otherwise keep the process alive, or crash it, at exit.
process.stdout.write('', () => process.exit(code));
