import { defineConfig } from 'vitest/config';

// Forks, because Dawn must be loaded in a process's main thread. Two workers: the software driver runs each with no
// threads of its own (SECATEUR_THREADS=0), so one process keeps one core busy.
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    env: { SECATEUR_THREADS: process.env.SECATEUR_THREADS ?? '0' },
    setupFiles: ['test/setup.ts'],
  },
});
