import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runNode, scratch } from '../setup/child.js';

const secateur = (args: string[]) => runNode(['--import', 'tsx', 'src/cli/main.ts', ...args], { NO_COLOR: '1' });

describe('secateur study cubist-spiral', () => {
  it('runs every kind of block to the report, and is asked about single trainings', async () => {
    const path = join(scratch(), 'spiral');
    const ran = await secateur([
      ...['study', 'cubist-spiral', '--preset', 'tiny', '--out', path],
      ...[
        '--set',
        'continuation={target: 0.95, initialisation: random, widths: [3, 3, 3], rates: [0.1],'.concat(
          ' schedules: [cosine], minutes: 0.02, sliceMinutes: 0.01}',
        ),
      ],
    ]);
    expect(`${ran.stderr}${ran.stdout}`).toContain('[9/9]');
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('checks: 0 of 9 held');
    const records = readFileSync(join(path, 'results.jsonl'), 'utf8').trimEnd().split('\n');
    expect(new Set(records.map((line) => JSON.parse(line).config.kind))).toEqual(
      new Set(['reference', 'structured', 'masks', 'continuation', 'method']),
    );
    expect(readFileSync(join(path, 'report.html'), 'utf8')).toContain('How sparse can a network be?');
    expect(existsSync(join(path, 'figures'))).toBe(true);
    const sql =
      'select config.method as method, count(*) as n from lines join runs using (id) where weights > 0 group by 1';
    const asked = await secateur(['query', path, sql, '--json']);
    expect(JSON.parse(asked.stdout)).toContainEqual({ method: 'gmp', n: 1 });
  });

  it('names what a configuration may say', async () => {
    const wrong = await secateur(['study', 'cubist-spiral', '--set', 'methods[0].widths=[0]', '--dry-run']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('methods[0].widths');
  });
});
