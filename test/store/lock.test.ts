import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockHolder, takeLock, tryLock } from '../../src/store/lock.js';
import { runModule, runNode, scratch } from '../setup/child.js';

function heldBy(path: string, holder: string, ageSeconds = 0): void {
  mkdirSync(path);
  if (holder) writeFileSync(join(path, 'holder'), holder);
  const then = Date.now() / 1000 - ageSeconds;
  utimesSync(path, then, then);
}

describe('takeLock', () => {
  it('lets the second wait until the first gives it back', async () => {
    const path = join(scratch(), 'deep', 'lock');
    const order: string[] = [];
    const first = await takeLock(path, { what: 'setup', timeout: 1000 });
    const second = takeLock(path, { what: 'setup', timeout: 5000, onWait: (holder) => order.push(holder) }).then(
      (unlock) => {
        order.push('second');
        unlock();
      },
    );
    await new Promise((done) => setTimeout(done, 250));
    order.push('first ends');
    first();
    await second;
    expect(order).toEqual([`another setup (process ${process.pid} on ${hostname()})`, 'first ends', 'second']);
    expect(existsSync(path)).toBe(false);
  });

  it('gives up after its time, naming the holder', async () => {
    const path = join(scratch(), 'lock');
    await takeLock(path, { what: 'setup' });
    await expect(takeLock(path, { what: 'setup', timeout: 150 })).rejects.toThrow(
      `process ${process.pid} on ${hostname()}`,
    );
  });

  it('takes over from a holder that died, or died before it left its name', async () => {
    const ended = await runNode(['-p', 'process.pid']);
    const path = join(scratch(), 'lock');
    heldBy(path, JSON.stringify({ pid: Number(ended.stdout), host: hostname() }));
    (await takeLock(path, { what: 'setup' }))();
    heldBy(path, '{', 60);
    (await takeLock(path, { what: 'setup' }))();
    heldBy(path, JSON.stringify({ pid: 1, host: 'elsewhere' }), 3600);
    (await takeLock(path, { what: 'setup' }))();
    expect(existsSync(path)).toBe(false);
  });

  it('takes over from a dead process whose number a living one has now', async () => {
    const path = join(scratch(), 'lock');
    heldBy(path, JSON.stringify({ pid: process.pid, host: hostname(), born: '1', what: 'setup' }));
    expect(lockHolder(path)).toBe(process.platform === 'linux' ? null : expect.anything());
    if (process.platform === 'linux') tryLock(path, 'setup')!();
  });

  it('tells who holds it, and gives nothing to a second taker', () => {
    const path = join(scratch(), 'lock');
    expect(lockHolder(path)).toBeNull();
    const unlock = tryLock(path, 'worker main')!;
    expect(lockHolder(path)).toMatchObject({ pid: process.pid, host: hostname(), what: 'worker main' });
    expect(tryLock(path, 'worker main')).toBeNull();
    unlock();
    unlock();
    expect(lockHolder(path)).toBeNull();
    expect(readdirSync(join(path, '..'))).toEqual([]);
  });

  it('leaves a young unreadable lock and one of another host alone', async () => {
    for (const holder of ['{', JSON.stringify({ pid: 1, host: 'elsewhere' })]) {
      const path = join(scratch(), 'lock');
      heldBy(path, holder);
      await expect(takeLock(path, { what: 'setup', timeout: 150 })).rejects.toThrow(/has held .* for more than 0 s/);
      expect(existsSync(path)).toBe(true);
    }
  });

  it('never lets two processes in at once, even when all start from a dead lock', async () => {
    const folder = scratch();
    const log = join(folder, 'log');
    const ended = await runNode(['-p', 'process.pid']);
    heldBy(join(folder, 'lock'), JSON.stringify({ pid: Number(ended.stdout), host: hostname() }));
    const one = runModule.bind(
      null,
      `import { lockHolder, takeLock, tryLock } from 'src/store/lock.ts';
       import { appendFileSync } from 'node:fs';
       for (let i = 0; i < 5; i++) {
         const unlock = await takeLock(${JSON.stringify(join(folder, 'lock'))}, { what: 'setup', timeout: 20000 });
         appendFileSync(${JSON.stringify(log)}, 'in\\n');
         await new Promise((done) => setTimeout(done, 5));
         appendFileSync(${JSON.stringify(log)}, 'out\\n');
         unlock();
       }`,
    );
    const all = await Promise.all([one(), one(), one()]);
    expect(all.map(({ code, stderr }) => [code, stderr])).toEqual(Array(3).fill([0, '']));
    expect(readFileSync(log, 'utf8')).toBe('in\nout\n'.repeat(15));
  });
});
