import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { findDriver, packageRoot } from '../src/gpu/dawn.js';
import type { Device } from '../src/index.js';
import { Peer, type PeerCommand } from './peers.js';

/** The peers' own package: sources, also where this file is compiled. */
const folder = (): string => join(packageRoot() ?? process.cwd(), 'bench', 'peers');

/** Whether the JavaScript peers are there. */
export const nodePeersInstalled = (): boolean => existsSync(join(folder(), 'node_modules/@jax-js/jax/package.json'));

/** A JavaScript library, by its name in peers/README.md. */
export const nodePeer = (peer: string, name = peer, options: string[] = []): PeerCommand => ({
  name,
  command: process.execPath,
  args: [join(folder(), 'peer.mjs'), '--peer', peer, ...options],
});

/** The JavaScript libraries. In Node, WebAssembly runs on one thread unless helped (peers/README.md): both are shown. */
export function nodePeers(cores = availableParallelism()): PeerCommand[] {
  const wasm = (peer: string) =>
    [...new Set([1, cores])].map((n) =>
      nodePeer(peer, `${peer} ${n} ${n === 1 ? 'thread' : 'threads'}`, ['--threads', String(n)]),
    );
  return [nodePeer('jax-webgpu'), nodePeer('tfjs-webgpu'), ...wasm('jax-wasm'), ...wasm('tfjs-wasm')];
}

/** A library of Python, by its name in peers/README.md. */
export const pythonPeer = (peer: string, python = 'python3'): PeerCommand => ({
  name: peer,
  command: python,
  args: [join(folder(), 'python', 'peer.py'), '--peer', peer],
});

/** The libraries that this machine's Python has, and those that it lacks; null where there is no Python. */
export function pythonLibraries(python = 'python3'): { installed: string[]; missing: string[] } | null {
  const { status, stdout } = spawnSync(python, [join(folder(), 'python', 'peer.py'), '--available'], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return status === 0 ? (JSON.parse(stdout) as { installed: string[]; missing: string[] }) : null;
}

/** Starts every peer that can be; says in one line each which cannot. */
export async function startPeers(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<Peer[]> {
  const commands: PeerCommand[] = [];
  if (nodePeersInstalled()) commands.push(...nodePeers());
  else say(`jax-js and tfjs are not installed: run \`npm ci\` in ${folder()}; going on without`);
  const python = pythonLibraries();
  if (!python) say('there is no python3: going on without numpy, scipy and torch');
  else {
    if (python.missing.length > 0) say(`python3 has no ${python.missing.join(', ')}: going on without`);
    commands.push(...python.installed.map((peer) => pythonPeer(peer)));
  }
  const started: Peer[] = [];
  for (const command of commands) {
    try {
      started.push(await Peer.start(command, env));
    } catch (error) {
      say(`${command.name} did not start: ${(error as Error).message}`);
    }
  }
  return started;
}

/** A peer's environment: the driver that this process runs, which a process without our loader finds by these names. */
export function peerEnvironment(device: Device): NodeJS.ProcessEnv {
  const found = findDriver();
  const icd = device.driver?.icd;
  if (!icd || !found?.record.driver || device.driver?.source === 'user') return process.env;
  const libraries = dirname(join(found.folder, found.record.driver.loader));
  return {
    ...process.env,
    VK_DRIVER_FILES: icd,
    VK_ICD_FILENAMES: icd,
    LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  };
}
