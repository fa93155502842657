#!/usr/bin/env node
/**
 * Runs one tensor library in a process of its own and answers requests, one JSON object a line, on stdin and stdout.
 * Everything that libraries print goes to stderr. The protocol: README.md.
 */
import os from 'node:os';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { casesOf, prepareCase, timed, UnsupportedError } from './lib/cases.mjs';

const PEERS = ['jax-webgpu', 'jax-wasm', 'tfjs-webgpu', 'tfjs-wasm'];
const USAGE = `usage: node peer.mjs --peer ${PEERS.join('|')} [--wait throttled|spin] [--threads n]
       node peer.mjs --selftest [--peer name]...`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      peer: { type: 'string', multiple: true, default: [] },
      wait: { type: 'string', default: 'throttled' },
      threads: { type: 'string', default: String(os.availableParallelism()) },
      selftest: { type: 'boolean', default: false },
    },
  });
  const threads = Number(values.threads);
  const unknown = values.peer.find((name) => !PEERS.includes(name));
  if (unknown !== undefined) throw new RangeError(`unknown peer ${unknown}`);
  if (!values.selftest && values.peer.length !== 1) throw new RangeError('expected one --peer');
  if (!['throttled', 'spin'].includes(values.wait)) throw new RangeError(`--wait is throttled or spin: ${values.wait}`);
  if (!Number.isInteger(threads) || threads < 1)
    throw new RangeError(`--threads is a positive integer: ${values.threads}`);
  return { peers: values.peer, wait: values.wait, threads, selftest: values.selftest };
}

/** Keeps stdout for the protocol: whatever else is printed goes to stderr. */
function claimStdout() {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  return (message) => new Promise((resolve) => write(`${JSON.stringify(message)}\n`, resolve));
}

/**
 * Waits until this process takes no CPU time, and returns for how long, in ms: what a library's threads do after their
 * work would be taken from whichever library is measured next.
 */
async function rest(longestMs = 1000) {
  const start = performance.now();
  while (performance.now() - start < longestMs) {
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { user, system } = process.cpuUsage(before);
    if (user + system < 2000) break;
  }
  return performance.now() - start;
}

async function createPeer(name, options) {
  const [library, backend] = name.split('-');
  if (library === 'jax') return (await import('./lib/jax.mjs')).createJaxPeer({ ...options, backend });
  return (await import('./lib/tfjs.mjs')).createTfjsPeer({ ...options, backend });
}

/** One handler a command; each returns the fields of its answer. */
function handlers(name, options) {
  let peer;
  let work;
  const open = async () => {
    peer ??= await createPeer(name, options);
    return peer;
  };
  const dispose = () => {
    work?.dispose();
    work = undefined;
  };
  return {
    async hello() {
      const library = await open();
      const { version, adapter, threads } = library;
      const wait = name.endsWith('webgpu') ? options.wait : undefined;
      const facts = { peer: name, version, adapter, threads, wait, cases: casesOf(library) };
      return { ...facts, runtime: `Node ${process.version}`, sinceStartMs: performance.now() };
    },
    async prepare({ case: caseName, params = {}, seed = 1 }) {
      dispose();
      const prepared = await prepareCase(await open(), caseName, params, seed);
      work = prepared.work;
      return { check: prepared.check, firstMs: prepared.firstMs, sinceStartMs: prepared.sinceStartMs };
    },
    async sample({ iterations = 1 }) {
      if (!work) throw new Error('sample: expected a prepared case, there is none');
      if (!Number.isInteger(iterations) || iterations < 1) {
        throw new RangeError(`sample: iterations must be a positive integer: ${iterations}`);
      }
      const ms = [];
      for (let i = 0; i < iterations; i++) ms.push((await timed(work.run)).ms);
      return { ms, restMs: await rest() };
    },
    async dispose() {
      dispose();
      return {};
    },
    async exit() {
      dispose();
      return {};
    },
  };
}

async function serve(name, options) {
  const reply = claimStdout();
  const commands = handlers(name, options);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === '') continue;
    let request = {};
    try {
      request = JSON.parse(line);
      if (!Object.hasOwn(commands, request.cmd)) {
        throw new RangeError(`expected cmd ${Object.keys(commands).join(', ')}, got ${request.cmd}`);
      }
      await reply({ id: request.id, ok: true, ...(await commands[request.cmd](request)) });
    } catch (error) {
      const unsupported = error instanceof UnsupportedError ? { unsupported: true } : {};
      console.error(error);
      await reply({ id: request.id, ok: false, ...unsupported, error: error?.message ?? String(error) });
    }
    if (request.cmd === 'exit') break;
  }
  // The libraries keep threads and a device alive, and the binding may hang when it unloads them.
  process.exit(0);
}

let options;
try {
  options = readOptions();
} catch (error) {
  console.error(`${error.message}\n${USAGE}`);
  process.exit(2);
}
if (options.selftest) {
  const { selftest } = await import('./lib/selftest.mjs');
  process.exit((await selftest(options.peers.length > 0 ? options.peers : PEERS)) ? 0 : 1);
}
await serve(options.peers[0], options);
