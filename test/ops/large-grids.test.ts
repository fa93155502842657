import { describe, expect, it } from 'vitest';
import { conv2d, type DeviceClass, grad, matmul, scope, tensor } from '../../src/index.js';
import { expectClose } from '../support/close.js';
import { testDevice } from '../support/device.js';
import { Inputs, SEED } from '../support/random.js';

// More tiles than a device takes workgroups in one dimension (65,535), in each of the three places where they can be.
for (const deviceClass of ['software', 'discrete'] satisfies DeviceClass[]) {
  const t = testDevice({ deviceClass });

  describe(`products of more than 65,535 tiles, kernels for ${deviceClass} devices (seed ${SEED})`, () => {
    it('many parts', async () => {
      const parts = 66_000;
      const a = new Inputs('parts a').uniform(parts * 2);
      const b = new Inputs('parts b').uniform(parts * 2);
      const out = scope(() =>
        matmul(tensor(t.device, a, { shape: [parts, 1, 2] }), tensor(t.device, b, { shape: [parts, 2, 1] })),
      );
      const expected = Float64Array.from(
        { length: parts },
        (_, i) => a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1],
      );
      expectClose(await out.data(), expected);
      out.dispose();
    });

    it('many rows', async () => {
      const rows = 65_536 * 33;
      const a = new Inputs('rows').uniform(rows);
      const out = scope(() => matmul(tensor(t.device, a, { shape: [rows, 1] }), tensor(t.device, [[2]])));
      expectClose(
        await out.data(),
        Float64Array.from(a, (x) => 2 * x),
      );
      out.dispose();
    });

    it('many pixels, forward and back', async () => {
      const [images, size] = [70, 180];
      const pixels = images * size * size;
      const x = new Inputs('pixels').uniform(pixels);
      const [y, dx] = scope(() => {
        const input = tensor(t.device, x, { shape: [images, size, size, 1] });
        const weight = tensor(t.device, [3], { shape: [1, 1, 1, 1] });
        input.requiresGrad = true;
        const y = conv2d(input, weight, { padding: [0, 0, 0, 1] });
        expect(y.shape).toEqual([images, size, size + 1, 1]);
        const [dx] = grad(y, [input], { cotangents: [y] });
        return [y, dx];
      });
      const host = new Float64Array(images * size * (size + 1));
      for (let i = 0; i < pixels; i++) host[i + Math.floor(i / size)] = 3 * x[i];
      expectClose(await y.data(), host);
      expectClose(
        await dx.data(),
        Float64Array.from(x, (v) => 9 * v),
      );
      y.dispose();
      dx.dispose();
    });
  });
}
