import { describe, expect, it } from 'vitest';
import type { SvccaConfig } from '../../../src/studies/svcca/config.js';
import { expandSvcca, type SvccaRun } from '../../../src/studies/svcca/expand.js';
import { comparedLayers, studyNetwork } from '../../../src/studies/svcca/networks.js';
import { SETTINGS } from './settings.js';

const plan = (change: Partial<SvccaConfig> = {}) => expandSvcca({ ...SETTINGS, ...change });
const ids = (runs: readonly SvccaRun[]) => runs.map((r) => r.id);
const labels = (runs: readonly SvccaRun[]) => runs.map((r) => r.label);
const ofMethod = (runs: readonly SvccaRun[], method: string) => runs.filter((r) => r.config.method === method);

describe('expansion', () => {
  it('has every method, sparsity and seed, each compared with its parent', () => {
    const runs = plan();
    const networks = runs.filter((r) => r.config.kind === 'network' && r.config.variant === null);
    expect(ofMethod(runs, 'D')).toHaveLength(2);
    for (const method of SETTINGS.methods) expect(ofMethod(networks, method)).toHaveLength(4);
    const compared = runs.filter((r) => r.config.kind === 'comparison');
    const same = compared.filter((r) => r.config.pairs === 'same' && r.config.stage === null);
    for (const child of networks.filter((r) => r.config.method !== 'D'))
      expect(same.filter((r) => r.config.b === child.id && r.config.a === child.config.parent)).toHaveLength(1);
    // Itself, the other dense network, all children, and the one that is fine-tuned at a tiny rate.
    expect(same).toHaveLength(1 + 1 + 32 + 1);
    expect(compared.filter((r) => r.config.pairs === 'all')).toHaveLength(4);
    expect(compared.filter((r) => r.config.stage !== null).map((r) => r.config.stage)).toEqual([
      'round1-pruned',
      'round1-tuned',
      'round2-pruned',
    ]);
    expect(runs.filter((r) => r.config.kind === 'noise')).toHaveLength(1);
    expect(runs.filter((r) => r.config.variant)).toHaveLength(1);
  });

  it('puts what a run needs before it, and a comparison right behind its network', () => {
    const runs = plan();
    const seen = new Set<string>();
    for (const run of runs) {
      for (const id of run.needs) expect(seen).toContain(id);
      seen.add(run.id);
    }
    runs.forEach((run, i) => {
      if (run.config.kind === 'network' && run.config.parent) expect(runs[i + 1].config.b).toBe(run.id);
    });
  });

  it('counts children and pooled views, and draws no two of what has no randomness', () => {
    const runs = plan({
      seeds: { parents: [0, 1, 2], children: 2 },
      methods: ['P0', 'M1'],
      comparison: { ...SETTINGS.comparison, views: ['positions', 'pooled'], heatMaps: false, trajectories: false },
      tinyLearningRate: null,
    });
    expect(ofMethod(runs, 'P0')).toHaveLength(3 * 2);
    expect(ofMethod(runs, 'M1')).toHaveLength(3 * 2 * 2);
    // Three pairs of dense networks, one with itself, and the children; in both views.
    expect(runs.filter((r) => r.config.kind === 'comparison')).toHaveLength(2 * (3 + 1 + 18));
  });

  it('trains one more dense network as the floor of a single parent', () => {
    const runs = plan({ seeds: { parents: [4], children: 1 } });
    expect(ofMethod(runs, 'D').map((r) => r.config.seed)).toEqual([4, 5]);
    expect(ofMethod(runs, 'P0')).toHaveLength(2);
  });

  it('gives the same ids to the same configuration, whatever the order of its keys', () => {
    const turned = Object.fromEntries(Object.entries(SETTINGS).reverse()) as SvccaConfig;
    expect(ids(expandSvcca(turned))).toEqual(ids(plan()));
    expect(new Set(labels(plan())).size).toBe(plan().length);
  });

  it('changes ids downstream of a change only', () => {
    const before = plan();
    const changed = (change: Partial<SvccaConfig>) => {
      const after = new Set(ids(plan(change)));
      return before.filter((r) => !after.has(r.id));
    };
    const methodsOf = (runs: readonly SvccaRun[]) =>
      new Set(runs.filter((r) => r.config.kind === 'network').map((r) => r.config.method));
    const fineTuned = changed({ fineTune: { ...SETTINGS.fineTune, lr: 0.02 } });
    expect(methodsOf(fineTuned)).toEqual(new Set(['M1', 'M1-LT', 'M2', 'M2-rescaled', 'M3-matched', 'M3-shuffled']));
    expect(changed({ training: { ...SETTINGS.training, lr: 0.04 } }).length).toBe(before.length - 1);
    const compared = changed({ comparison: { ...SETTINGS.comparison, rows: 150 } });
    expect(methodsOf(compared)).toEqual(new Set());
    expect(compared.length).toBe(before.filter((r) => r.config.kind !== 'network').length);
    expect(changed({ sparsities: [0.5, 0.9, 0.95] })).toEqual([]);
    expect(changed({ data: { ...SETTINGS.data, seed: 4 } })).toHaveLength(before.length);
  });

  it.each([
    ['a network that is not there', { networks: [{ name: 'conv3', width: 1 }] }, 'conv3'],
    ['images that are too small', { networks: [{ name: 'vgg8', width: 0.0625 }] }, 'MaxPool2d'],
    ['M2 without M1', { methods: ['P0', 'M2'] }, 'M1 among the methods, whose masks M2 takes'],
    ['a pattern of no weight', { pruning: { scope: 'global', weights: ['fc*'] } }, "'fc*'"],
    ['a sparsity that keeps nothing', { sparsities: [0.9, 0.99999] }, 'sparsities that keep some of the'],
    ['images that are not there', { comparison: { ...SETTINGS.comparison, images: 51 } }, 'up to the 50 of data.test'],
    ['too few points', { comparison: { ...SETTINGS.comparison, images: 20 } }, '32 data points'],
    ['a batch of more than all', { training: { ...SETTINGS.training, batch: 61 } }, 'up to the 60 images'],
    ['a size of more than is drawn', { data: { ...SETTINGS.data, size: 32 } }, 'data.size up to 28'],
  ] as [string, Partial<SvccaConfig>, string][])('refuses %s', (_, change, message) => {
    const full = change.networks?.map((n) => ({ ...n, training: {}, fineTune: {} }));
    expect(() => plan({ ...change, ...(full && { networks: full }) })).toThrow(message);
  });
});

describe('compared layers', () => {
  const of = (name: string, size = 16) =>
    comparedLayers(studyNetwork({ name, width: 0.25 }, { source: 'digits', size, train: 1, test: 1, seed: 0 }));

  it('are rectified convolutions and linear layers, and the logits', () => {
    expect(of('conv4').map((l) => [l.name, l.path, l.type])).toEqual([
      ['features.0', 'features.0', 'conv'],
      ['features.2', 'features.2', 'conv'],
      ['features.5', 'features.5', 'conv'],
      ['features.7', 'features.7', 'conv'],
      ['classifier.0', 'classifier.0', 'linear'],
      ['classifier.2', 'classifier.2', 'linear'],
      ['classifier.4', 'classifier.4', 'logits'],
    ]);
    expect(of('vgg8_bn').map((l) => [l.name, l.path, l.output])).toEqual([
      ['features.0', 'features.1', [16, 16, 16]],
      ['features.4', 'features.5', [8, 8, 32]],
      ['features.8', 'features.9', [4, 4, 64]],
      ['features.12', 'features.13', [2, 2, 128]],
      ['features.16', 'features.17', [1, 1, 128]],
      ['classifier', 'classifier', [10]],
    ]);
  });

  it('are whole blocks where the last convolution of a block is rectified behind the sum', () => {
    expect(of('resnet8').map((l) => [l.name, l.type])).toEqual([
      ['conv1', 'conv'],
      ['layer1.0.conv1', 'conv'],
      ['layer1.0', 'block'],
      ['layer2.0.conv1', 'conv'],
      ['layer2.0', 'block'],
      ['layer3.0.conv1', 'conv'],
      ['layer3.0', 'block'],
      ['linear', 'logits'],
    ]);
    expect(of('resnet18').filter((l) => l.type === 'block')).toHaveLength(8);
  });
});
