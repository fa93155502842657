import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { svccaSchema } from '../../../src/studies/svcca/config.js';
import { expandSvcca } from '../../../src/studies/svcca/expand.js';
import { presets } from '../../../src/studies/svcca/presets.js';
import { SETTINGS } from './settings.js';

const messages = (config: unknown): string => {
  const parsed = svccaSchema.safeParse(config);
  return parsed.success ? '' : z.prettifyError(parsed.error);
};

describe('the configuration', () => {
  it('takes itself, and every preset', () => {
    expect(svccaSchema.parse(SETTINGS)).toEqual(SETTINGS);
    for (const { config } of Object.values(presets)) expect(svccaSchema.parse(config)).toEqual(config);
  });

  it.each([
    ['an unknown key', { ...SETTINGS, sparsity: [0.5] }, 'sparsity'],
    ['a sparsity of 1', { ...SETTINGS, sparsities: [0.5, 1] }, '<1'],
    ['a negative sparsity', { ...SETTINGS, sparsities: [-0.1] }, '>0'],
    ['a sparsity twice', { ...SETTINGS, sparsities: [0.9, 0.9] }, 'each sparsity once'],
    ['no epochs', { ...SETTINGS, training: { ...SETTINGS.training, epochs: 0 } }, 'training.epochs'],
    ['a width of 0', { ...SETTINGS, networks: [{ name: 'conv2', width: 0 }] }, 'networks[0].width'],
    ['the dense method', { ...SETTINGS, methods: ['D'] }, 'methods[0]'],
    ['no momentum for Nesterov', { ...SETTINGS, training: { ...SETTINGS.training, momentum: 0 } }, 'nesterov needs'],
    ['another data set', { ...SETTINGS, data: { source: 'imagenet' } }, 'source'],
    [
      'a detail that is not run',
      { ...SETTINGS, comparison: { ...SETTINGS.comparison, detailSparsity: 0.8 } },
      'one of the sparsities',
    ],
  ])('refuses %s', (_, config, message) => {
    expect(messages(config)).toContain(message);
  });

  it('describes every key for editors', () => {
    const missing: string[] = [];
    const walk = (node: Record<string, unknown>, path: string) => {
      const properties = (node.properties ?? {}) as Record<string, Record<string, unknown>>;
      for (const [key, value] of Object.entries(properties)) {
        if (!value.description) missing.push(`${path}.${key}`);
        walk(value, `${path}.${key}`);
      }
      const parts = [...((node.oneOf ?? node.anyOf ?? []) as unknown[]), ...(node.items ? [node.items] : [])];
      for (const part of parts) walk(part as Record<string, unknown>, path);
    };
    walk(z.toJSONSchema(svccaSchema, { io: 'input' }) as Record<string, unknown>, '');
    expect(missing).toEqual([]);
  });
});

describe('presets', () => {
  it.each(Object.keys(presets) as (keyof typeof presets)[])('%s expands', (name) => {
    const runs = expandSvcca(presets[name].config);
    expect(new Set(runs.map((r) => r.id)).size).toBe(runs.length);
  });

  it('quick asks for what it must: three networks, 50, 90 and 95 %, two seeds', () => {
    const { networks, sparsities, seeds, methods } = presets.quick.config;
    expect(networks).toHaveLength(3);
    expect(sparsities).toEqual([0.5, 0.9, 0.95]);
    expect(seeds.parents.length * seeds.children).toBe(2);
    expect(methods).toEqual(expect.arrayContaining(['P0', 'M1', 'M2', 'M3-uniform', 'M3-matched', 'M3-shuffled']));
  });
});
