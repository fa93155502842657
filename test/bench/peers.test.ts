import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { runChild } from '../../bench/child.js';
import { chosen } from '../../bench/patterns.js';
import { nodePeer, nodePeers, pythonLibraries, pythonPeer } from '../../bench/peer-commands.js';
import { uniform } from '../../bench/peers/lib/random.mjs';
import { Peer, peerCandidate } from '../../bench/peers.js';

test('WebAssembly peers run on one thread and on all cores', () => {
  expect(nodePeers(2).map((p) => p.name)).toEqual([
    'jax-webgpu',
    'tfjs-webgpu',
    'jax-wasm 1 thread',
    'jax-wasm 2 threads',
    'tfjs-wasm 1 thread',
    'tfjs-wasm 2 threads',
  ]);
  expect(nodePeers(1).length).toBe(4);
});

describe('a peer that cannot run', () => {
  test('says why when it starts', async () => {
    await expect(Peer.start(nodePeer('nobody'), process.env)).rejects.toThrow(
      /nobody ended with 2: .*unknown peer nobody/,
    );
    const nowhere = { name: 'nowhere', command: 'no-such-program', args: [] };
    await expect(Peer.start(nowhere, process.env)).rejects.toThrow(/nowhere did not start: .*ENOENT/);
  });

  test('answers that it knows no such command, and ends when told to', async () => {
    const peer = new Peer(nodePeer('jax-wasm', 'jax'), process.env);
    await expect(peer.request({ cmd: 'dance' })).rejects.toThrow(/jax: expected cmd hello.*got dance/);
    await expect(peer.request({ cmd: 'sample', iterations: 1 })).rejects.toThrow(/expected a prepared case/);
    await peer.stop();
    await expect(peer.request({ cmd: 'hello' })).rejects.toThrow(/jax ended with 0/);
  });
});

test('a peer is left out of a case that would take it minutes, going by a smaller one', async () => {
  const asked: object[] = [];
  const slow = {
    name: 'slow',
    pace: new Map<string, number>(),
    request: async (command: { cmd: string }) => {
      asked.push(command);
      return { check: { maxRelErr: 0, tolerance: 0 }, ms: [30_000] };
    },
  } as unknown as Peer;
  const work = (n: number) => ({ case: 'topk', params: { n }, items: n });
  const { sample } = await peerCandidate(slow, work(1000)).prepare();
  expect(await sample(1)).toBe(30_000);
  await peerCandidate(slow, work(1500)).prepare();
  expect(asked.length).toBe(3);
  await expect(peerCandidate(slow, work(3000)).prepare()).rejects.toMatchObject({
    name: 'Skipped',
    message: 'slow: a call would take about 90 s or more',
  });
  await peerCandidate(slow, { case: 'topk', params: { n: 3000 } }).prepare();
  expect(asked.length).toBe(4);
});

test('a machine without Python has no Python peers', () => {
  expect(pythonLibraries('no-such-python')).toBeNull();
});

const python = pythonLibraries();

describe.skipIf(!python?.installed.includes('scipy'))(
  'Python peers (skipped where there is no numpy and scipy)',
  () => {
    /** Starts a peer, does one case and returns what it found out. */
    async function once(peer: string, work: { case: string; params: object }) {
      const started = await Peer.start(pythonPeer(peer), process.env);
      try {
        const { check } = await started.request({ cmd: 'prepare', ...work, seed: 1 });
        const { ms, restMs } = await started.request({ cmd: 'sample', iterations: 2 });
        const { maxRelErr: error } = check as { maxRelErr: number };
        return { facts: started.facts, error, ms: ms as number[], restMs: restMs as number };
      } finally {
        await started.stop();
      }
    }

    test.each([
      ['numpy', { case: 'matmul', params: { n: 33 } }, 1e-5],
      ['numpy', { case: 'spmm', params: { m: 33, k: 17, n: 5, sparsity: 0.9 } }, 1e-5],
      ['scipy', { case: 'spmm', params: { m: 33, k: 17, n: 5, sparsity: 0.9 } }, 1e-5],
      ['numpy', { case: 'topk', params: { n: 1001, k: 77 } }, 0],
      ['numpy', { case: 'svd', params: { m: 40, n: 9 } }, 1e-6],
      ['numpy', { case: 'svcca', params: { n: 300, p: 20 } }, 1e-6],
    ])('%s does %o', async (peer, work, tolerance) => {
      const { facts, error, ms, restMs } = await once(peer, work);
      expect(facts?.cases).toContain(work.case);
      expect(facts?.runtime).toMatch(/^Python 3\./);
      expect(error).toBeLessThanOrEqual(tolerance);
      expect(ms.length).toBe(2);
      expect(Math.min(...ms)).toBeGreaterThan(0);
      // It looks for 20 ms at least whether its threads still spin.
      expect(restMs).toBeGreaterThan(15);
    });

    test('what a library lacks, and what makes no sense, are told apart', async () => {
      await expect(once('scipy', { case: 'svd', params: { m: 4, n: 4 } })).rejects.toMatchObject({ name: 'Skipped' });
      await expect(once('numpy', { case: 'matmul', params: { n: -1 } })).rejects.toThrow(
        'n must be a positive integer',
      );
      await expect(once('numpy', { case: 'spmm', params: { file: '/no/such.smtx', n: 4 } })).rejects.toThrow(
        'FileNotFoundError',
      );
    });

    test('the inputs are the numbers that the engine gets', () => {
      const script = `
from seeded import chosen, uniform
import json
print(json.dumps([uniform(50, -1, 1, 3, 2).tolist(), chosen(997, 131, 5).nonzero()[0].tolist()]))`;
      const folder = new URL('../../bench/peers/python/', import.meta.url);
      const { stdout } = spawnSync('python3', ['-B', '-c', script], { cwd: folder, encoding: 'utf8' });
      const kept = chosen(997, 131, 5);
      const places = Array.from(kept.keys()).filter((i) => kept[i] === 1);
      expect(JSON.parse(stdout)).toEqual([[...uniform(50, -1, 1, 3, 2)], places]);
    });
  },
);

describe('child processes', () => {
  const here = new URL(import.meta.url);

  test('a script that fails is an error with the end of its output', async () => {
    // This file is TypeScript, which plain Node does not run.
    const failure = runChild(here, {}, { timeoutMs: 20_000 });
    await expect(failure).rejects.toThrow(/peers\.test\.ts ended with 1: /);
  });

  test('output that is not JSON is an error', async () => {
    const script = new URL('../../bench/engine-values.mjs', here);
    await expect(runChild(script, {}, { timeoutMs: 20_000 })).rejects.toThrow(
      'engine-values.mjs: expected JSON on its last line',
    );
  });
});
