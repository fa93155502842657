/**
 * Child process: replays a compiled chain of tiny dispatches and prints the time of each replay, per dispatch. Runs the
 * built package, as a user's program would.
 */
import { add, compile, openDevice, tensor } from 'secateur';

const { threads, dispatches, replays } = JSON.parse(process.argv[2]);
const ELEMENTS = 64;

const device = await openDevice({ threads });
const x = tensor(device, new Float32Array(ELEMENTS));
const one = tensor(device, new Float32Array(ELEMENTS).fill(1));
const step = compile(device, () => {
  let y = add(x, one);
  for (let i = 1; i < dispatches; i++) {
    const next = add(y, one);
    y.dispose();
    y = next;
  }
  return y;
});

let error = 0;
for (let i = 0; i < 4; i++) {
  const y = step();
  for (const value of await y.data()) error = Math.max(error, Math.abs(value - dispatches));
  y.dispose();
}
const encodeMs = [];
const doneMs = [];
for (let i = 0; i < replays; i++) {
  const start = performance.now();
  const y = step();
  encodeMs.push((performance.now() - start) / dispatches);
  await device.sync();
  doneMs.push((performance.now() - start) / dispatches);
  y.dispose();
}
const result = { error, dispatches: step.report().dispatches, encodeMs, doneMs };
await device.close();
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
