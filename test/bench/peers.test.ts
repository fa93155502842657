import { describe, expect, test } from 'vitest';
import { runChild } from '../../bench/child.js';
import { Peer, peerNames } from '../../bench/peers.js';

test('WebAssembly peers run on one thread and on all cores', () => {
  expect(peerNames(2).map((p) => p.name)).toEqual([
    'jax-webgpu',
    'tfjs-webgpu',
    'jax-wasm 1 thread',
    'jax-wasm 2 threads',
    'tfjs-wasm 1 thread',
    'tfjs-wasm 2 threads',
  ]);
  expect(peerNames(1).length).toBe(4);
});

describe('a peer that cannot run', () => {
  test('says why when it starts', async () => {
    await expect(Peer.start('nobody', 'nobody', [], process.env)).rejects.toThrow(
      /nobody ended with 2: .*unknown peer nobody/,
    );
  });

  test('answers that it knows no such command, and ends when told to', async () => {
    const peer = new Peer('jax', 'jax-wasm', [], process.env);
    await expect(peer.request({ cmd: 'dance' })).rejects.toThrow(/jax: expected cmd hello.*got dance/);
    await expect(peer.request({ cmd: 'sample', iterations: 1 })).rejects.toThrow(/expected a prepared case/);
    await peer.stop();
    await expect(peer.request({ cmd: 'hello' })).rejects.toThrow(/jax ended with 0/);
  });
});

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
