import { expect, it, describe as suite } from 'vitest';
import { type Shape, scope, zeros } from '../../src/index.js';
import {
  convN,
  convNet,
  describe,
  kaimingNormal,
  kaimingUniform,
  lenet5,
  lenet5Mini,
  lenet300100,
  Model,
  type Module,
  normalOf,
  resnet,
  resnetCifar,
  vgg,
  xavierNormal,
  zooNames,
  zooNetwork,
} from '../../src/nn/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';

const t = testDevice();

const CIFAR = [32, 32, 3];
const IMAGENET = [224, 224, 3];
const DIGIT = [28, 28, 1];

/** Parameters and multiply-adds, as stated. */
const COUNTS: [string, Module, Shape, number, number | null][] = [
  // Blalock et al. 2020's models, recounted for convolutions and linear layers.
  ['LeNet-300-100', lenet300100(), [784], 266_610, 266_200],
  ['LeNet-5 (Caffe)', lenet5(), DIGIT, 431_080, 2_293_000],
  ['CIFAR-VGG', vgg(16, { batchNorm: true, head: 'cifarHidden' }), CIFAR, 14_991_946, 313_463_808],
  ['ResNet-20', resnetCifar(20), CIFAR, 269_722, 40_551_040],
  ['ResNet-56', resnetCifar(56), CIFAR, 853_018, 125_485_696],
  ['ResNet-110', resnetCifar(110), CIFAR, 1_727_962, 252_887_680],
  ['ResNet-18, ImageNet', resnet(18, { stem: 'imagenet' }), IMAGENET, 11_689_512, 1_814_073_344],
  ['ResNet-50, ImageNet', resnet(50, { stem: 'imagenet' }), IMAGENET, 25_557_032, 4_089_184_256],
  ['VGG-16, ImageNet', vgg(16, { head: 'imagenet' }), IMAGENET, 138_357_544, 15_470_264_320],
  // He et al. 2016, table 6 (0.46 M, 0.66 M), torchvision's documentation (21,797,672; 132,868,840; 143,678,248).
  ['ResNet-32', resnetCifar(32), CIFAR, 464_154, null],
  ['ResNet-44', resnetCifar(44), CIFAR, 658_586, null],
  ['ResNet-34, ImageNet', resnet(34, { stem: 'imagenet' }), IMAGENET, 21_797_672, null],
  ['VGG-11-BN, ImageNet', vgg(11, { batchNorm: true, head: 'imagenet' }), IMAGENET, 132_868_840, null],
  ['VGG-13, ImageNet', vgg(13, { head: 'imagenet' }), IMAGENET, 133_047_848, null],
  ['VGG-19-BN, ImageNet', vgg(19, { batchNorm: true, head: 'imagenet' }), IMAGENET, 143_678_248, null],
  // The networks of the study of oracle pruning.
  ['LeNet5-Mini', lenet5Mini(), [32, 32, 1], 5_500, 448_700],
  ['LeNet5-Mini w20', lenet5Mini({ width: 20 }), [32, 32, 1], 8_260, null],
  ['LeNet5-Mini w30', lenet5Mini({ width: 30 }), [32, 32, 1], 11_020, null],
  ['LeNet5-Mini w40', lenet5Mini({ width: 40 }), [32, 32, 1], 13_780, null],
  ['LeNet5-Mini d6', lenet5Mini({ depth: 6 }), [32, 32, 1], 5_610, null],
  ['LeNet5-Mini d7', lenet5Mini({ depth: 7 }), [32, 32, 1], 5_720, null],
  ['LeNet5-Mini d8', lenet5Mini({ depth: 8 }), [32, 32, 1], 5_830, null],
  ['VGG-19, CIFAR-100', vgg(19, { batchNorm: true, bias: false, classes: 100 }), CIFAR, 20_081_188, 398_182_400],
  // LeCun et al. 1998 as it is usually built for 28x28 images; the ConvNet of this project.
  ['LeNet-5 (LeCun)', lenet5({ channels: [6, 16], hidden: [120, 84] }), DIGIT, 44_426, null],
  ['ConvNet', convNet(), DIGIT, 111_386, null],
];

/** Weights of convolutions and linear layers, and in how many layers, as SynFlow's paper and code state them. */
const PRUNABLE: [string, Module, number, number][] = [
  ['VGG-11', vgg(11, { batchNorm: true }), 9_222_848, 9],
  ['VGG-16', vgg(16, { batchNorm: true }), 14_715_584, 14],
  ['VGG-16, 100 classes', vgg(16, { batchNorm: true, classes: 100 }), 14_761_664, 14],
  ['ResNet-20 with shortcut B', resnetCifar(20, { shortcut: 'B' }), 270_896, 22],
  ['ResNet-18, CIFAR', resnet(18), 11_164_352, 21],
  ['ResNet-18, 100 classes', resnet(18, { classes: 100 }), 11_210_432, 21],
  ['ResNet-18, 200 classes', resnet(18, { classes: 200 }), 11_261_632, 21],
  ['LeNet-300-100', lenet300100(), 266_200, 3],
];

/** A network's parameters of rank 2 and more. */
function weightsOf(network: Module) {
  const weights = network.build().filter((d) => d.kind === 'parameter' && d.shape.length >= 2);
  return weights.map((d) => ({ name: d.name, size: d.shape.reduce((n, v) => n * v, 1) }));
}

const namesOf = (network: Module): string[] => network.build().map((d) => d.name);

suite('the zoo', () => {
  it.each(COUNTS)('%s has the parameters and multiply-adds that are stated', (_, network, input, parameters, macs) => {
    const { total } = describe(network, input);
    expect(total.parameters).toBe(parameters);
    if (macs !== null) expect(total.macs).toBe(macs);
  });

  it.each(PRUNABLE)('%s has the prunable weights that are stated', (_, network, count, layers) => {
    const weights = weightsOf(network);
    expect(weights.reduce((n, w) => n + w.size, 0)).toBe(count);
    expect(weights).toHaveLength(layers);
  });

  it('has Conv-2, 4 and 6 of the sizes in Frankle & Carbin 2019, figure 2', () => {
    const millions = (n: number) => Math.round(n / 1e5) / 10;
    const counts = ([2, 4, 6] as const).map((depth) => {
      const weights = weightsOf(convN(depth));
      const of = (part: string) => weights.filter((w) => w.name.startsWith(part)).reduce((n, w) => n + w.size, 0);
      return { all: millions(of('')), features: Math.round(of('features') / 1000) };
    });
    expect(counts.slice(0, 2)).toEqual([
      { all: 4.3, features: 39 },
      { all: 2.4, features: 260 },
    ]);
    expect(millions(1000 * counts[2].features)).toBe(1.1);
  });

  it('names layers as torchvision does', () => {
    expect(namesOf(resnet(50, { stem: 'imagenet' }))).toEqual(
      expect.arrayContaining([
        'conv1.weight',
        'bn1.running_var',
        'layer1.0.conv3.weight',
        'layer1.0.bn3.bias',
        'layer1.0.downsample.0.weight',
        'layer1.0.downsample.1.running_mean',
        'layer4.2.conv2.weight',
        'fc.bias',
      ]),
    );
    const names = namesOf(vgg(16, { head: 'imagenet' }));
    expect(names.filter((name) => name.endsWith('weight'))).toEqual([
      ...[0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28].map((i) => `features.${i}.weight`),
      ...[0, 3, 6].map((i) => `classifier.${i}.weight`),
    ]);
    const normalised = namesOf(vgg(11, { batchNorm: true, head: 'imagenet' }));
    expect(normalised.filter((name) => name.endsWith('running_mean'))).toEqual(
      [1, 5, 9, 12, 16, 19, 23, 26].map((i) => `features.${i}.running_mean`),
    );
    expect(namesOf(resnetCifar(20, { shortcut: 'B' })).filter((name) => name.includes('shortcut'))).toEqual(
      [2, 3].flatMap((k) => [
        `layer${k}.0.shortcut.0.weight`,
        ...['weight', 'bias', 'running_mean', 'running_var'].map((n) => `layer${k}.0.shortcut.1.${n}`),
      ]),
    );
    expect(namesOf(lenet300100())).toEqual([1, 2, 3].flatMap((k) => [`fc${k}.weight`, `fc${k}.bias`]));
  });

  const small = zooNames().filter((name) => !name.endsWith('_imagenet') && !/110|56|44|32|34/.test(name));
  it.each([...small, 'resnet50_imagenet', 'vgg11_imagenet'])('%s computes the shapes that it says', async (name) => {
    const { network, input } = zooNetwork(name, { widthMultiplier: 1 / 8 });
    const size = name.endsWith('imagenet') ? [32, 32, 3] : input;
    const model = new Model(t.device, network, { seed: 1 });
    const { layers } = model.describe(size);
    const seen = new Map<string, Shape>();
    const y = scope(() => {
      const x = zeros(t.device, [2, ...size]);
      return model.forward(x, { observe: (path, v) => seen.set(path, v.shape.slice(1)) });
    });
    expect(layers.length).toBeGreaterThan(3);
    for (const { name: layer, output } of layers) expect(seen.get(layer), layer).toEqual(output);
    expect((await y.data()).every(Number.isFinite)).toBe(true);
    for (const thing of [y, model]) thing.dispose();
  });

  it('scales channels and exchanges heads', () => {
    const { network, classes } = zooNetwork('vgg11_bn', { widthMultiplier: 0.25, classes: 7 });
    expect(classes).toBe(7);
    const shapes = new Map(network.build().map((d) => [d.name, d.shape]));
    expect(shapes.get('features.0.weight')).toEqual([16, 3, 3, 3]);
    expect(shapes.get('classifier.weight')).toEqual([7, 128]);
  });

  it.each([
    ['conv4', [16, 16, 1], 'features.0.weight', 64],
    ['conv4_bn', [17, 13, 2], 'features.0.weight', 64],
    ['vgg8_bn', [16, 16, 1], 'features.0.weight', 64],
    ['resnet8', [14, 14, 1], 'conv1.weight', 16],
    ['resnet18', [28, 28, 1], 'conv1.weight', 64],
  ] as [string, number[], string, number][])('fits %s to images of %s', (name, input, first, channels) => {
    const made = zooNetwork(name, { input });
    expect(made.input).toEqual(input);
    const shapes = new Map(made.network.build().map((d) => [d.name, d.shape]));
    expect(shapes.get(first)).toEqual([channels, 3, 3, input[2]]);
    expect(made.network.trace([1, ...input])).toEqual([1, 10]);
  });

  it("has the study's ConvNet: 4 convolutions of 64, 64, 128, 128 and layers of 256, 256, 10", () => {
    const weights = weightsOf(zooNetwork('conv4').network).map((w) => w.size);
    expect(weights).toEqual([64 * 27, 64 * 576, 128 * 576, 128 * 1152, 256 * 8192, 256 * 256, 10 * 256]);
  });

  it('refuses what it does not have, in words', () => {
    expect(() => zooNetwork('lenet5', { input: [32, 32, 1] })).toThrow('images of [28, 28, 1] for lenet5');
    expect(() => zooNetwork('vgg8', { input: [8, 8, 1] })).toThrow('MaxPool2d: expected images of at least 2 x 2');
    expect(() => zooNetwork('conv4', { input: [3, 32, 3] })).toThrow('at least 4 pixels a side, got 3 x 32');
    expect(() => zooNetwork('resnet8', { input: [32, 32] })).toThrow('images as [h, w, channels]');
    expect(() => zooNetwork('resnet21')).toThrow(/zooNetwork: expected a name among lenet-300-100, .*, got 'resnet21'/);
    expect(() => zooNetwork('toString')).toThrow('toString');
    expect(() => zooNetwork('resnet20', { widthMultiplier: 0 })).toThrow('a widthMultiplier > 0, got 0');
    expect(() => zooNetwork('resnet20', { classes: 0 })).toThrow('classes >= 1, got 0');
    expect(() => vgg(12 as 11)).toThrow('vgg: expected a depth of 8, 11, 13, 16 or 19, got 12');
    expect(() => resnet(101 as 18)).toThrow('resnet: expected a depth of 18, 34 or 50, got 101');
    expect(() => convN(3 as 2)).toThrow('convN: expected a depth of 2, 4 or 6, got 3');
    expect(() => lenet5Mini({ depth: 4 })).toThrow('lenet5Mini: expected a depth >= 5, got 4');
  });
});

suite('initialisers', () => {
  const shape = [64, 3, 3, 32];
  const [fanIn, fanOut] = [32 * 9, 64 * 9];
  const deviation = (v: Float32Array) => Math.sqrt(v.reduce((s, x) => s + x * x, 0) / v.length);
  const widest = (v: Float32Array) => v.reduce((m, x) => Math.max(m, Math.abs(x)), 0);

  it.each([
    ['kaimingNormal by fan in', kaimingNormal('fanIn'), Math.sqrt(2 / fanIn)],
    ['kaimingUniform by fan in', kaimingUniform('fanIn'), Math.sqrt(2 / fanIn)],
    ['kaimingUniform by fan out', kaimingUniform('fanOut'), Math.sqrt(2 / fanOut)],
    ['xavierNormal', xavierNormal, Math.sqrt(2 / (fanIn + fanOut))],
    ['normalOf', normalOf(0.01), 0.01],
  ])('%s has the deviation of its paper', (_, init, expected) => {
    expectClose([deviation(init(shape, 11, 0))], [expected], { rtol: 0.02 });
  });

  it('kaimingUniform keeps within sqrt(3) deviations', () => {
    const bound = Math.sqrt(6 / fanIn);
    expect(widest(kaimingUniform('fanIn')(shape, 5, 0))).toBeLessThanOrEqual(bound);
    expect(widest(kaimingUniform('fanIn')(shape, 5, 0))).toBeGreaterThan(0.99 * bound);
  });

  it('are those of the papers in the networks: He by the fan in and zero biases in VGGs, fan out in ResNet-18', async () => {
    const models = [vgg(11), resnet(18, { width: 16 })].map((network) => new Model(t.device, network, { seed: 3 }));
    const [vggValues, resnetValues] = await Promise.all(models.map((model) => model.parameters.read()));
    expectClose([deviation(vggValues.get('features.3.weight')!)], [Math.sqrt(2 / (9 * 64))], { rtol: 0.02 });
    expect(vggValues.get('features.3.bias')!.every((v) => v === 0)).toBe(true);
    expect(vggValues.get('classifier.bias')!.every((v) => v === 0)).toBe(true);
    expectClose([deviation(resnetValues.get('layer2.0.conv1.weight')!)], [Math.sqrt(2 / (9 * 32))], { rtol: 0.05 });
    for (const model of models) model.dispose();
  });
});
