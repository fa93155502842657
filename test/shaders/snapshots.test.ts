import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { moduleSource, type ParamMode, type Shader } from '../../src/gpu/kernel.js';
import { testDevice } from '../support/device.js';
import type { Family } from './family.js';
import { families } from './specs.js';

const t = testDevice();
const SHADERS = fileURLToPath(new URL('../../shaders', import.meta.url));

const modeOf = (shader: Shader): ParamMode =>
  shader.params.length === 0 ? 'none' : shader.params.length <= 16 ? 'immediate' : 'uniform';
const merged = (f: Family, change: unknown) => ({ ...(f.base as object), ...(change as object) });
const variants = (f: Family) => [{}, ...f.changes].map((change) => ({ change, shader: f.shader(merged(f, change)) }));

/** The base spec's module in full, and a line for each change of it: the driver's text changes only on purpose. */
function portrait(f: Family): string {
  const [{ shader }, ...others] = variants(f);
  const lines = others.map(({ change, shader: other }) => {
    const text = moduleSource(other, modeOf(other));
    const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
    return `// ${JSON.stringify(change)}: ${text.split('\n').length} lines, sha256 ${digest}`;
  });
  return [`// ${f.name} ${JSON.stringify(f.base)}`, moduleSource(shader, modeOf(shader)).trimEnd(), ...lines, ''].join(
    '\n',
  );
}

describe('every shader function', () => {
  it('has a family here', async () => {
    const files = readdirSync(SHADERS, { recursive: true, encoding: 'utf8' }).filter(
      (f) => f.endsWith('.ts') && !f.endsWith('.d.ts'),
    );
    const found: string[] = [];
    for (const file of files) {
      const exported: Record<string, unknown> = await import(join(SHADERS, file));
      for (const name of Object.keys(exported))
        if (/(Shader|Gemm)$/.test(name)) found.push(`${file.slice(0, -3)} ${name}`);
    }
    expect(families.map((f) => `${f.file} ${f.name}`).sort()).toEqual(found.sort());
  });

  it.each(families.map((f) => [`${f.file} ${f.name}`, f] as const))('%s makes the WGSL on record', async (_, f) => {
    await expect(portrait(f)).toMatchFileSnapshot(`snapshots/${f.file.replace('/', '-')}.${f.name}.wgsl`);
  });

  it.each(families.map((f) => [`${f.file} ${f.name}`, f] as const))(
    '%s makes WGSL that compiles, with parameters by either way, and another for each spec',
    async (_, f) => {
      const seen = new Set<string>();
      for (const { change, shader } of variants(f)) {
        seen.add(moduleSource(shader, 'uniform'));
        expect(shader.bindings.length).toBeLessThanOrEqual(t.device.limits.maxBindings);
        for (const feature of shader.enables ?? [])
          if (!t.device.gpuDevice.features.has((feature === 'f16' ? 'shader-f16' : feature) as GPUFeatureName)) return;
        const modes: ParamMode[] =
          shader.params.length === 0 ? ['none'] : shader.params.length <= 16 ? ['immediate', 'uniform'] : ['uniform'];
        for (const mode of modes) {
          t.device.gpuDevice.pushErrorScope('validation');
          const module = t.device.gpuDevice.createShaderModule({ code: moduleSource(shader, mode) });
          const { messages } = await module.getCompilationInfo();
          const errors = messages
            .filter((m) => m.type === 'error')
            .map((m) => `${m.lineNum}:${m.linePos} ${m.message}`);
          expect(errors, `${f.name} ${JSON.stringify(change)} (${mode})`).toEqual([]);
          expect(await t.device.gpuDevice.popErrorScope()).toBeNull();
        }
      }
      expect(seen.size, 'a change that changes nothing').toBe(1 + f.changes.length);
    },
  );
});
