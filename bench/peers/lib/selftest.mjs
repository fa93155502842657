/** Smoke test: every case on every peer at small sizes, and the peers against each other. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CASES = [
  { case: 'matmul', params: { n: 64 } },
  { case: 'matmul', params: { n: 101 } },
  { case: 'mlp', params: { batch: 20 } },
  { case: 'convnet', params: { batch: 8 } },
  { case: 'resnet20', params: { batch: 4 } },
  { case: 'topk', params: { n: 5000, k: 100 } },
  { case: 'svd', params: { m: 64, n: 16 } },
];
/** The peers' losses of the second and third step may differ by this much, relatively. */
const AGREEMENT = 1e-3;

/** The environment of a peer: the caller's software driver, else the one that the project's setup unpacked. */
function environment() {
  const driver = fileURLToPath(new URL('../../../.vulkan', import.meta.url));
  if (process.env.VK_DRIVER_FILES || !existsSync(`${driver}/icd.json`)) return process.env;
  const files = { VK_DRIVER_FILES: `${driver}/icd.json`, VK_ICD_FILENAMES: `${driver}/icd.json` };
  return { ...process.env, ...files, LD_LIBRARY_PATH: `${driver}/lib` };
}

/** Starts a peer; `request` sends one command and resolves to its answer. */
export function startPeer(name, options = []) {
  const script = fileURLToPath(new URL('../peer.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, '--peer', name, ...options], {
    env: environment(),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const waiting = new Map();
  let nextId = 1;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = JSON.parse(line);
    waiting.get(answer.id)?.resolve(answer);
    waiting.delete(answer.id);
  });
  const exited = new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      for (const { reject } of waiting.values()) reject(new Error(`${name} ended with ${signal ?? code}`));
      resolve(signal ?? code);
    });
  });
  child.stdin.on('error', () => {}); // a dead child is reported by its exit
  const request = (command) =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    });
  return { request, exited };
}

const label = ({ case: name, params }) => `${name} ${Object.values(params)[0]}`;

/** Runs the cases on one peer and returns its losses by case. */
async function testPeer(name, expect) {
  const { request, exited } = startPeer(name);
  const losses = new Map();
  const hello = await request({ cmd: 'hello' });
  expect(hello.ok, `${name} ${hello.version ?? ''}, ${hello.adapter ?? hello.error}`);
  const early = await request({ cmd: 'sample', iterations: 1 });
  expect(!early.ok && /prepared/.test(early.error), `${name}: sample without a case is refused`);
  const unknown = await request({ cmd: 'prepare', case: 'nothing' });
  expect(!unknown.ok && !unknown.unsupported, `${name}: an unknown case is refused`);
  for (const work of CASES.filter((c) => hello.cases.includes(c.case))) {
    const prepared = await request({ cmd: 'prepare', ...work, seed: 1 });
    if (!prepared.ok) {
      expect(false, `${name}: ${label(work)}: ${prepared.error}`);
      continue;
    }
    const sample = await request({ cmd: 'sample', iterations: 2 });
    const usable = sample.ok && sample.ms.length === 2 && sample.ms.every((ms) => ms > 0);
    const { maxRelErr } = prepared.check;
    expect(usable, `${name}: ${label(work)}: ${sample.ms?.at(-1).toFixed(1)} ms, error ${maxRelErr.toExponential(1)}`);
    if (prepared.check.losses) losses.set(label(work), prepared.check.losses);
  }
  expect((await request({ cmd: 'dispose' })).ok, `${name}: dispose`);
  await request({ cmd: 'exit' });
  expect((await exited) === 0, `${name}: exit code 0`);
  return losses;
}

/**
 * @param {string[]} peers names
 * @returns {Promise<boolean>} whether all is well; prints one line a check
 */
export async function selftest(peers) {
  let passed = true;
  const expect = (condition, text) => {
    passed &&= condition;
    console.log(`${condition ? 'ok  ' : 'FAIL'} ${text}`);
  };
  const all = new Map();
  for (const name of peers) all.set(name, await testPeer(name, expect));
  const [[first, expected], ...others] = all;
  for (const [name, losses] of others) {
    for (const [work, values] of losses) {
      const difference = values.map((value, i) => Math.abs(value / expected.get(work)?.[i] - 1));
      const worst = difference.some(Number.isNaN) ? Number.NaN : Math.max(...difference);
      expect(worst <= AGREEMENT, `${name} and ${first} agree on ${work}: ${worst.toExponential(1)}`);
    }
  }
  return passed;
}
