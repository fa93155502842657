import { describe, expect, it } from 'vitest';
import { PROBE_MARK, parseProbe, probe } from '../../src/setup/probe.js';
import { explain, type RunResult, run } from '../../src/setup/run.js';
import { scratch } from './child.js';

const ended = (part: Partial<RunResult>): RunResult => ({
  code: 0,
  signal: null,
  stdout: '',
  stderr: '',
  timedOut: false,
  missing: false,
  ...part,
});
const adapter = { vendor: 'v', architecture: 'a', device: 'd', description: 'the adapter', isFallbackAdapter: true };

describe('parseProbe', () => {
  it('finds the answer among what drivers print', () => {
    const answer = { usable: true, adapter };
    const stdout = `MESA: something\n${PROBE_MARK}${JSON.stringify(answer)}\n`;
    const stderr = 'Warning: maxDynamicUniformBuffersPerPipelineLayout artificially reduced from 9 to 8\n';
    expect(parseProbe(ended({ stdout, stderr }))).toEqual(answer);
  });

  it('adds the reasons that Dawn gives, without its stack', () => {
    const stdout = `${PROBE_MARK}{"usable":false,"reason":"no adapter"}\n`;
    const stderr = 'Warning: Vulkan 1.1 required\n    at operator() (/somewhere/Backend.cpp:368)\n';
    expect(parseProbe(ended({ stdout, stderr }))).toEqual({
      usable: false,
      reason: 'no adapter (Warning: Vulkan 1.1 required)',
    });
  });

  it.each<[string, Partial<RunResult>, RegExp]>([
    ['a crash', { code: null, signal: 'SIGSEGV' }, /the probe crashed with SIGSEGV/],
    ['a hang', { code: null, signal: 'SIGKILL', timedOut: true }, /gave no answer in 60 s/],
    ['an early end', { code: 3, stderr: 'boom' }, /ended with code 3 \(boom\)/],
    ['a torn answer', { stdout: `${PROBE_MARK}{"usable":tr` }, /was cut short/],
    ['a strange answer', { stdout: `${PROBE_MARK}{"usable":true}` }, /was not understood/],
    ['null', { stdout: `${PROBE_MARK}null` }, /was not understood/],
  ])('tells of %s', (_, part, reason) => {
    expect(parseProbe(ended(part))).toMatchObject({ usable: false, reason: expect.stringMatching(reason) });
  });
});

describe('probe', () => {
  it('says that an empty driver folder has no driver', async () => {
    const folder = scratch();
    expect(await probe('software', folder)).toMatchObject({
      usable: false,
      reason: expect.stringContaining(`no software Vulkan driver in ${folder}`),
    });
  });

  it('finds the adapter that the tests run on', async () => {
    expect(await probe('auto')).toMatchObject({ usable: true });
  });
});

describe('run', () => {
  it('gives output, exit code and status lines, kills what takes too long, and knows what is missing', async () => {
    const script =
      'require("fs").writeSync(3, "a:1\\nb:2\\n"); console.log("out"); console.error("E: bad"); process.exit(7)';
    const lines: string[] = [];
    const result = await run(process.execPath, ['-e', script], { timeout: 9000, onStatus: (line) => lines.push(line) });
    expect(result).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'E: bad\n', timedOut: false, missing: false });
    expect(lines).toEqual(['a:1', 'b:2']);
    expect(explain('tool x', result)).toBe('tool x failed:\n  E: bad');
    const slow = await run(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { timeout: 200 });
    expect(slow).toMatchObject({ code: null, signal: 'SIGKILL', timedOut: true });
    expect(explain('tool', slow)).toBe('tool took too long');
    const none = await run('no-such-tool-here', [], { timeout: 1000 });
    expect(none.missing).toBe(true);
    expect(explain('no-such-tool-here update', none)).toBe('no-such-tool-here is not installed');
  });
});
