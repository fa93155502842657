import { type Device, openDevice } from '../src/gpu/device.js';
import type { Case, SuiteContext } from './case.js';
import { crossovers } from './crossover.js';
import { environment, load } from './environment.js';
import { measure, type Row } from './harness.js';
import { findMatrices } from './matrix-files.js';
import type { Options } from './options.js';
import { peerEnvironment, startPeers } from './peer-commands.js';
import { type Peer, peerCandidate } from './peers.js';
import { crossoverLines, heading, kernelLines, peerTable, resultTable } from './report.js';
import type { Report } from './report-data.js';
import { writeReport } from './report-file.js';
import { higher, measureRoofline, type Roofline } from './roofline.js';
import { runSuite } from './suite.js';
import { type ExtraFamily, loadCases, loadExtra } from './suites.js';

/** Least time between writing unfinished results, in ms. */
const WRITE_MS = 10_000;

interface SuiteCases {
  suite: string;
  cases: Case[];
}

/** Measures the chosen suites one after the other. Returns 1 where a candidate's result was wrong or one failed. */
export async function runBench(options: Options): Promise<number> {
  const extra = await Promise.all(options.with.map((file) => loadExtra(file, options.suites)));
  const device = await openDevice({
    threads: options.threads,
    adapter: options.adapter,
    toggles: { disable: ['timestamp_quantization'] },
  });
  const peers: Peer[] = [];
  try {
    const chosen = await chooseCases(device, options, extra);
    if (options.list) {
      for (const { suite, cases } of chosen) for (const c of cases) console.log(`${suite}: ${describe(c)}`);
      return 0;
    }
    if (chosen.length === 0) throw new RangeError(`--filter: no case contains '${options.filter}'; --list names them`);
    if (options.peers) peers.push(...(await startPeers(peerEnvironment(device), (line) => console.log(line))));
    return await new Run(device, options, peers).all(chosen);
  } finally {
    await Promise.all(peers.map((p) => p.stop()));
    await device.close();
  }
}

async function chooseCases(device: Device, options: Options, extra: readonly ExtraFamily[]): Promise<SuiteCases[]> {
  const context: SuiteContext = {
    device,
    quick: options.quick,
    peers: options.peers,
    columns: options.columns,
    matrices: findMatrices(options.matrices),
  };
  const chosen: SuiteCases[] = [];
  for (const suite of options.suites) {
    const all = await loadCases(suite, context, extra);
    const cases = all.filter((c) => c.name.toLowerCase().includes(options.filter) && !(options.quick && c.long));
    if (cases.length > 0) chosen.push({ suite, cases });
  }
  return chosen;
}

const describe = (c: Case): string =>
  `${c.name}: ${c.candidates.map((x) => x.name).join(', ')}${c.peer ? '; peers' : ''}`;

/** One run: what it has measured so far, and the files that say so. */
class Run {
  private readonly started = new Date();
  private readonly before = load();
  private readonly rows: Row[] = [];
  private suites: string[] = [];
  private roofline!: Roofline;
  private written = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly device: Device,
    private readonly options: Options,
    private readonly peers: readonly Peer[],
  ) {}

  async all(chosen: readonly SuiteCases[]): Promise<number> {
    this.suites = chosen.map(({ suite }) => suite);
    const roofMs = this.options.quick ? 1000 : 3000;
    this.roofline = await measureRoofline(this.device, roofMs);
    let failed = 0;
    for (const { suite, cases } of chosen) {
      const jobs = cases.map((c) => ({ name: c.name, run: () => this.one(suite, c) }));
      failed += (await runSuite(suite, jobs, (line) => console.log(line))).size;
    }
    this.roofline = higher(this.roofline, await measureRoofline(this.device, roofMs));
    const whole = this.report();
    print(whole);
    this.write(whole);
    console.log(`\n${whole.seconds} s; written to ${this.options.out} and ${this.options.html}`);
    return failed === 0 ? 0 : 1;
  }

  /** Measures one case and returns the engine's samples in seconds. */
  private async one(suite: string, c: Case): Promise<number[]> {
    const budget = { ms: this.options.quick ? 200 : 1000, most: 60 };
    const able = this.peers.filter((p) => c.peer && p.facts?.cases.includes(c.peer.case));
    const candidates = [...c.candidates, ...able.map((p) => peerCandidate(p, c.peer!))];
    const found = await measure({ ...c, candidates }, budget);
    this.rows.push(...found.map((r) => ({ ...r, suite })));
    // Now and then, so that a long run that is cut off keeps what it has.
    if (performance.now() - this.written > WRITE_MS) this.write(this.report());
    const failed = found.find((r) => r.error !== undefined);
    if (failed) throw new Error(`${failed.candidate}: ${failed.error}`);
    const first = found.find((r) => r.kind === 'engine') ?? found[0];
    return (first?.samples ?? []).map((ms) => ms / 1000);
  }

  private report(): Report {
    return {
      schema: 2,
      suites: this.suites,
      started: this.started.toISOString(),
      seconds: Math.round((Date.now() - this.started.getTime()) / 100) / 10,
      quick: this.options.quick,
      environment: environment(this.device),
      load: [this.before, load()],
      roofline: this.roofline,
      peers: this.peers.flatMap((p) => p.facts ?? []),
      rows: this.rows,
      crossovers: crossovers(this.rows),
    };
  }

  private write(report: Report): void {
    writeReport(report, this.options.out, this.options.html);
    this.written = performance.now();
  }
}

function print(report: Report): void {
  console.log(`\n${heading(report)}`);
  for (const suite of report.suites) {
    const part = { ...report, rows: report.rows.filter((r) => r.suite === suite) };
    const compared = peerTable(part);
    const kernels = kernelLines(part);
    console.log(`\n${suite}\n${resultTable(part)}`);
    if (kernels.length > 0) console.log(`\nGPU time by kernel (dispatches):\n${kernels.join('\n')}`);
    if (compared) console.log(`\nWall time of one complete call, and how many times ours it is:\n${compared}`);
  }
  if (report.crossovers.length > 0) console.log(`\n${crossoverLines(report).join('\n')}`);
}
