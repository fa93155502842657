import { spawn } from 'node:child_process';

/**
 * Runs a plain-JavaScript script in a Node process of its own and returns the JSON on the last line of its output.
 *
 * @throws Error with the end of what it printed when it fails, or is not done after `timeoutMs`
 */
export function runChild<T>(
  script: URL,
  args: object,
  options: { env?: NodeJS.ProcessEnv; timeoutMs: number },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script.pathname, JSON.stringify(args)], {
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      killSignal: 'SIGKILL',
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(-2000);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const name = script.pathname.split('/').pop();
      if (code !== 0) {
        reject(new Error(`${name} ended with ${signal ?? code}: ${err.trim() || out.slice(-2000).trim()}`));
        return;
      }
      try {
        resolve(JSON.parse(out.trim().split('\n').at(-1) ?? '') as T);
      } catch {
        reject(new Error(`${name}: expected JSON on its last line, got ${out.slice(-200)}`));
      }
    });
  });
}
