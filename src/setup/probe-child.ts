/**
 * Run in a process of its own, where a broken driver can crash or hang without harm: opens the adapter, runs one tiny
 * kernel on it and prints what it found as one line of JSON.
 */
import { writeSync } from 'node:fs';
import { type DriverChoice, loadDawn } from '../gpu/dawn.js';
import { PROBE_MARK, type ProbeResult } from './probe.js';
import { runTestKernel } from './test-kernel.js';

async function probe(): Promise<ProbeResult> {
  const { gpu, retain } = await loadDawn({ driver: process.argv[2] as DriverChoice, threads: 0 });
  const adapter = await gpu.requestAdapter();
  if (!adapter) return { usable: false, reason: 'no adapter that Dawn accepts' };
  retain(adapter);
  const device = await adapter.requestDevice();
  retain(device);
  const { vendor, architecture, device: name, description, isFallbackAdapter } = adapter.info;
  const wrong = await runTestKernel(device);
  device.destroy();
  if (wrong) return { usable: false, reason: `${description || name}: ${wrong}` };
  return { usable: true, adapter: { vendor, architecture, device: name, description, isFallbackAdapter } };
}

let result: ProbeResult;
try {
  result = await probe();
} catch (error) {
  result = { usable: false, reason: (error as Error).message };
}
writeSync(1, `${PROBE_MARK}${JSON.stringify(result)}\n`);
process.exit(0);
