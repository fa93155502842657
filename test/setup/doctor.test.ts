import { describe, expect, it } from 'vitest';
import type { DoctorReport } from '../../src/cli/doctor.js';
import { runModule, scratch } from './child.js';

const doctor = (options: object, env: NodeJS.ProcessEnv = {}) =>
  runModule(`import { doctor } from 'src/cli/doctor.ts'; process.exit(await doctor(${JSON.stringify(options)}));`, env);

describe('doctor', () => {
  it('prints one JSON object about the adapter that the tests run on, and ends with 0', async () => {
    const { code, stdout } = await doctor({ json: true });
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report.findings.filter((finding) => finding.level === 'error')).toEqual([]);
    expect([code, report.ok]).toEqual([0, true]);
    expect(report.adapter?.description || report.adapter?.device).toMatch(/\w/);
    expect(report.firstKernelMs).toBeGreaterThan(0);
    expect(report.limits.maxBufferSize).toBeGreaterThanOrEqual(268435456);
    expect(report.features.length).toBeGreaterThan(0);
    expect(report.versions).toMatchObject({ node: process.versions.node, webgpu: expect.stringMatching(/^\d+\.\d+/) });
  });

  it('prints a page for people', async () => {
    const { code, stdout } = await doctor({});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^adapter {7}\S/m);
    expect(stdout).toMatch(/^ {2}maxStorageBufferBindingSize +\d+$/m);
    expect(stdout).toMatch(/This machine can compute\.\n$/);
    expect(stdout).not.toMatch(/undefined|NaN|null/);
  });

  it('says what is wrong and what to do, and ends with 1', async () => {
    const env = { SECATEUR_VULKAN: scratch(), VK_DRIVER_FILES: '/nonexistent/icd.json' };
    const { code, stdout } = await doctor({ json: true }, env);
    const report = JSON.parse(stdout) as DoctorReport;
    expect([code, report.ok, report.adapter]).toEqual([1, false, null]);
    const [error] = report.findings.filter((finding) => finding.level === 'error');
    expect(error.what).toMatch(/no adapter|no Vulkan loader/);
    expect(error.advice).toContain('npx secateur setup');
    expect((await doctor({}, env)).stdout).toMatch(/^error: .*This machine cannot compute yet\.\n$/ms);
  });
});
