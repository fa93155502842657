import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Candidate, Case, Family } from '../case.js';
import { runChild } from '../child.js';
import { nodePeer, nodePeersInstalled, peerEnvironment } from '../peer-commands.js';
import { Peer } from '../peers.js';

interface Started {
  /** Milliseconds from the start of the process: device open, first step done with its loss read. */
  openMs: number;
  stepMs: number;
  loss: number;
  reference: number;
}

const SCRIPT = new URL('start-child.mjs', import.meta.url);
const BATCH = 250;
const TOLERANCE = 1e-4;

/** Runs `work` with an environment whose shader caches lie in a fresh folder, removed afterwards. */
async function withEmptyCache<T>(env: NodeJS.ProcessEnv, work: (env: NodeJS.ProcessEnv) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'secateur-bench-'));
  try {
    return await work({
      ...env,
      MESA_SHADER_CACHE_DIR: folder,
      __GL_SHADER_DISK_CACHE_PATH: folder,
      CUDA_CACHE_PATH: folder,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const engine: Candidate = {
  name: 'secateur',
  kind: 'engine',
  async prepare() {
    const start = () =>
      withEmptyCache(process.env, (env) => runChild<Started>(SCRIPT, { batch: BATCH }, { env, timeoutMs: 120_000 }));
    const first = await start();
    return {
      check: {
        what: `first loss (${first.loss})`,
        error: Math.abs(first.loss / first.reference - 1),
        tolerance: TOLERANCE,
      },
      facts: { openMs: first.openMs },
      sample: async () => (await start()).stepMs,
      dispose: () => {},
    };
  },
};

/** A peer's first step, by its own clock, which also starts with its process. */
function peer(name: string, env: NodeJS.ProcessEnv): Candidate {
  const start = () =>
    withEmptyCache(env, async (fresh) => {
      const started = new Peer(nodePeer(name), fresh);
      try {
        return await started.request({
          cmd: 'prepare',
          case: 'convnet',
          params: { batch: BATCH, checkSteps: 1 },
          seed: 1,
        });
      } finally {
        await started.stop();
      }
    });
  return {
    name,
    kind: 'peer',
    async prepare() {
      const { check, firstMs } = await start();
      const { maxRelErr, tolerance } = check as { maxRelErr: number; tolerance: number };
      return {
        check: { what: `${name}: first loss`, error: maxRelErr, tolerance },
        facts: { firstMs },
        sample: async () => (await start()).sinceStartMs as number,
        dispose: () => {},
      };
    },
  };
}

/** From process start to the loss of the first ConvNet step, with nothing compiled before. */
const family: Family = ({ device, quick, peers }) => {
  const compared =
    peers && nodePeersInstalled()
      ? ['jax-webgpu', 'tfjs-webgpu'].map((name) => peer(name, peerEnvironment(device)))
      : [];
  return [
    {
      name: 'process start to first ConvNet step, empty shader cache',
      minSampleMs: 0,
      least: quick ? 1 : 3,
      candidates: [engine, ...compared],
    } satisfies Case,
  ];
};

export default family;
