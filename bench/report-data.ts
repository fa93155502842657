import type { Crossover } from './crossover.js';
import type { Environment } from './environment.js';
import type { Row } from './harness.js';
import type { PeerFacts } from './peers.js';
import type { Roofline } from './roofline.js';

/** Everything that a run found out; what `--out` writes. */
export interface Report {
  schema: 2;
  suites: string[];
  started: string;
  seconds: number;
  quick: boolean;
  environment: Environment;
  /** Load average over a minute, before and after. */
  load: [before: number, after: number];
  roofline: Roofline;
  peers: PeerFacts[];
  rows: Row[];
  /** Where sparse candidates break even with dense ones. */
  crossovers: Crossover[];
}
