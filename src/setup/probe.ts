import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { DriverChoice } from '../gpu/dawn.js';
import { type RunResult, run } from './run.js';

export interface ProbedAdapter {
  vendor: string;
  architecture: string;
  device: string;
  description: string;
  isFallbackAdapter: boolean;
}

export type ProbeResult = { usable: true; adapter: ProbedAdapter } | { usable: false; reason: string };

export const PROBE_MARK = 'secateur-probe ';
const TIMEOUT = 60_000;

/**
 * Asks a child process whether Dawn finds an adapter that works.
 *
 * @param folder looks for the software driver there alone
 */
export async function probe(driver: DriverChoice, folder?: string): Promise<ProbeResult> {
  const self = fileURLToPath(import.meta.url);
  const child = self.replace(/probe\.(js|ts)$/, 'probe-child.$1');
  // Run from the TypeScript sources, in development, the child needs the loader that this process has.
  const loader = self.endsWith('.ts') ? ['--import', loaderUrl('tsx')] : [];
  const env = { ...process.env, NODE_OPTIONS: '', ...(folder && { SECATEUR_VULKAN: folder }) };
  return parseProbe(await run(process.execPath, [...loader, child, driver], { timeout: TIMEOUT, env }));
}

const loaderUrl = (name: string) => pathToFileURL(createRequire(import.meta.url).resolve(name)).href;

/** What the child printed, or why it could not. */
export function parseProbe(result: RunResult): ProbeResult {
  // Dawn says on stderr why it refused an adapter. That it lowers a limit concerns nobody.
  const dull = /^\s*$|artificially reduced|^\s+at .*:\d+\)$/;
  const notes = result.stderr.split('\n').filter((line) => !dull.test(line));
  const aside = notes.length ? ` (${notes.slice(-4).join('; ')})` : '';
  if (result.timedOut) return { usable: false, reason: `the driver gave no answer in ${TIMEOUT / 1000} s${aside}` };
  const line = result.stdout.split('\n').find((text) => text.startsWith(PROBE_MARK));
  if (line === undefined) {
    const how = result.signal ? `crashed with ${result.signal}` : `ended with code ${result.code}`;
    return { usable: false, reason: `the probe ${how}${aside}` };
  }
  let answer: unknown;
  try {
    answer = JSON.parse(line.slice(PROBE_MARK.length));
  } catch {
    return { usable: false, reason: `the probe's answer was cut short: ${line.slice(0, 200)}` };
  }
  if (!isProbeResult(answer))
    return { usable: false, reason: `the probe's answer was not understood: ${line.slice(0, 200)}` };
  return answer.usable ? answer : { usable: false, reason: answer.reason + aside };
}

function isProbeResult(value: unknown): value is ProbeResult {
  if (typeof value !== 'object' || value === null) return false;
  const { usable, reason, adapter } = value as { usable?: unknown; reason?: unknown; adapter?: ProbedAdapter };
  return usable === true ? typeof adapter?.description === 'string' : usable === false && typeof reason === 'string';
}
