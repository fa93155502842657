import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The Chromium to use: `CHROME`, else the first of the usual names that starts; null without one. */
export function findChromium(): string | null {
  const names = process.env.CHROME
    ? [process.env.CHROME]
    : ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
  return names.find((name) => spawnSync(name, ['--version'], { timeout: 20_000 }).status === 0) ?? null;
}

/** Headless, with WebGPU on SwiftShader, and quiet: no first-run pages, no traffic but the page's own. */
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-webgpu-adapter=swiftshader',
  '--disable-gpu-sandbox',
  '--no-first-run',
  '--no-default-browser-check',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-sync',
  '--metrics-recording-only',
];

/** Opens a page in a Chromium with a profile of its own; `close` ends it and removes the profile. */
export function openPage(chromium: string, url: string): { ended: Promise<string>; close(): Promise<void> } {
  const profile = mkdtempSync(join(tmpdir(), 'secateur-browser-'));
  const child = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<string>((done) => {
    child.on('error', (error) => done(error.message));
    child.on('close', (code, signal) => done(`ended with ${code ?? signal}: ${stderr.slice(-2000)}`));
  });
  return {
    ended,
    async close() {
      child.kill();
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}
