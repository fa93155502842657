import { describe, expect, it } from 'vitest';
import { type Device, tensor } from '../../src/index.js';
import { DeviceTriangle } from '../../src/similarity/device-triangle.js';
import { HostTriangle } from '../../src/similarity/host-triangle.js';
import { compare, type HostActivations, SimilarityStream } from '../../src/similarity/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs } from '../support/random.js';
import { centred, host, messageOf, related, withSpectrum, X, Y } from './data.js';

const hold = testDevice();
const gpu = testDevice({ deviceClass: 'discrete' });
const WANTED = { cca: {}, svcca: {}, pwcca: {}, linearCka: {}, procrustes: {}, regression: {} };

const part = ({ data, shape: [, p] }: HostActivations, begin: number, end: number): HostActivations => ({
  data: data.subarray(begin * p, end * p),
  shape: [end - begin, p],
});

/** rᵀ r. */
function squared(r: ArrayLike<number>, width: number): Float64Array {
  const out = new Float64Array(width * width);
  for (let i = 0; i < r.length / width; i++)
    for (let j = 0; j < width; j++)
      for (let k = 0; k < width; k++) out[j * width + k] += r[i * width + j] * r[i * width + k];
  return out;
}

describe.each([
  ['float64 on the host', 1e-10, () => undefined],
  ['float32 on the device', 1e-5, () => hold.device],
  ['float32 by the kernels for GPUs', 1e-5, () => gpu.device],
] as [string, number, () => Device | undefined][])('streams, %s', (_, tolerance, device) => {
  const inputs = new Inputs('similarity streams');

  it.each([
    [400, 9, 13, [400]],
    [400, 9, 13, [1, 2, 40, 7, 200, 150]],
    [300, 20, 4, [100, 100, 100]],
    [64, 3, 3, Array(32).fill(2)],
  ])('%i points of %i and %i neurons in batches', async (n, p, q, sizes) => {
    const [x, y] = related(inputs, n, p, q);
    const offset = { data: x.data.map((v) => v + 50), shape: x.shape };
    using stream = new SimilarityStream(p, q, { device: device() });
    let begin = 0;
    for (const size of sizes) {
      const [a, b] = [part(offset, begin, begin + size), part(y, begin, begin + size)];
      const on = device();
      if (on && begin > 0) {
        const t = tensor(on, a.data as Float32Array, { shape: a.shape });
        await stream.add(t, b);
        t.dispose();
      } else await stream.add(a, b);
      begin += size;
    }
    expect(stream.points).toBe(n);
    const [found, whole] = [await stream.compare(WANTED), await compare(offset, y, WANTED)];
    for (const name of Object.keys(WANTED) as (keyof typeof WANTED)[])
      expectClose([found[name].similarity], [whole[name].similarity], { atol: tolerance, rtol: 0, what: name });
    expectClose(found.cca.correlations, whole.cca.correlations, { atol: tolerance, rtol: 0, what: 'rho' });
    expect(found.cca.precision).toBe(device() ? 'float32' : 'float64');
    expect(found.svcca.x.directions).toBe(whole.svcca.x.directions);
  });

  it('asks in between, and goes on', async () => {
    const [x, y] = related(inputs, 200, 5, 4);
    using stream = new SimilarityStream(5, 4, { device: device() });
    for (const end of [80, 200]) {
      await stream.add(part(x, stream.points, end), part(y, stream.points, end));
      const [found, whole] = [
        await stream.compare({ cca: {} }),
        await compare(part(x, 0, end), part(y, 0, end), { cca: {} }),
      ];
      expectClose(found.cca.correlations, whole.cca.correlations, { atol: tolerance, rtol: 0 });
    }
  });

  it('the same bytes twice', async () => {
    const [x, y] = related(inputs, 90, 6, 8);
    const once = async () => {
      using stream = new SimilarityStream(6, 8, { device: device() });
      for (const [a, b] of [
        [0, 50],
        [50, 90],
      ])
        await stream.add(part(x, a, b), part(y, a, b));
      return stream.compare(WANTED);
    };
    expect(await once()).toEqual(await once());
  });

  it('dead neurons, sides that do not vary, and bad batches', async () => {
    using stream = new SimilarityStream(2, 3, { device: device() });
    const says = async (work: () => unknown, message: string) => expect(await messageOf(work)).toBe(message);
    await says(
      () => stream.compare({ cca: {} }),
      'ArgumentError: SimilarityStream.compare: expected at least one batch, got none',
    );
    await says(
      () => stream.add(Y, X),
      'ShapeError: SimilarityStream.add: expected 2 and 3 neurons, got [6, 3] and [6, 2]',
    );
    const flat = host(new Float64Array(12).fill(1 / 3), [6, 2]);
    for (let i = 0; i < 3; i++) await stream.add(flat, Y);
    const found = await stream.compare({ cca: {}, linearCka: {} });
    expect([found.cca.similarity, found.cca.x.dropped, found.cca.flags]).toEqual([0, 2, ['degenerate']]);
    expect(found.linearCka.similarity).toBe(0);
    await says(
      () => stream.compare({ svcca: { threshold: 2 } }),
      'ArgumentError: SimilarityStream.compare: expected a threshold in (0, 1], got 2',
    );
    expect(() => new SimilarityStream(0, 1)).toThrow('SimilarityStream: expected neurons as whole numbers >= 1, got 0');
  });
});

describe('what streams keep', () => {
  const inputs = new Inputs('triangles');

  it('covariances to 1e-5, on the device to float32', async () => {
    const [n, width] = [700, 24];
    const data = Float32Array.from(inputs.normal(n * width), (v, at) => 3 * v + (at % width));
    const expected = squared(centred(data, n, width), width);
    const onHost = new HostTriangle(width);
    const onDevice = new DeviceTriangle(hold.device, [width]);
    for (let i = 0; i < n; i += 140) {
      const rows = data.subarray(i * width, (i + 140) * width);
      onHost.add({ data: Float64Array.from(rows), rows: 140, cols: width });
      onDevice.add(140, () => [tensor(hold.device, rows, { shape: [140, width] })]);
    }
    expectClose(squared(onHost.triangle().r.data, width), expected, { rtol: 1e-13 });
    const { r, mean, unit } = onDevice.triangle();
    const scale = (await unit.data())[0];
    const values = Float64Array.from(await r.data(), (v) => v * scale);
    expectClose(squared(values, width), expected, { rtol: 1e-5 });
    expectClose(await mean.data(), onHost.triangle().mean, { rtol: 1e-6 });
    for (const t of [r, mean, unit]) t.dispose();
    onDevice.dispose();
  });

  it('NaN on the device is found when it matters, float32 that does not suffice is told', async () => {
    using stream = new SimilarityStream(1, 1, { device: hold.device });
    const spoiled = { data: Float32Array.of(1, Number.NaN, 3), shape: [3, 1] };
    await stream.add(spoiled, spoiled);
    expect(await messageOf(() => stream.compare({ cca: {} }))).toBe(
      'ArgumentError: SimilarityStream.compare: expected finite values whose squares float32 holds, got others in some batch',
    );
    const [n, p] = [300, 8];
    const common = Float64Array.from(inputs.normal(n * p));
    const side = () => withSpectrum(inputs, common, n, [1, 1, 1, 1, 1, 1, 1, 3e-4]);
    using narrow = new SimilarityStream(p, p, { device: hold.device });
    await narrow.add(side(), side());
    expect((await narrow.compare({ cca: {} })).cca.flags).toEqual(['ill-conditioned']);
    expect((await narrow.compare({ svcca: {} })).svcca.flags).toEqual([]);
  });

  it('a long stream holds no more than a short one', async () => {
    using stream = new SimilarityStream(4, 4, { device: hold.device });
    const [x, y] = related(inputs, 64, 4, 4);
    const live: number[] = [];
    for (let i = 0; i < 12; i++) {
      await stream.add(x, y);
      live.push(hold.device.memory().live);
    }
    expect(new Set(live.slice(2)).size).toBe(1);
    expect(X.shape).toEqual([6, 2]);
  });
});
