// Dawn's Node binding polls the GPU on the event loop and leaves no time for anything else: on a software driver that
// takes a core away from the kernels. Sleeping a tenth of the time waited so far costs at most 10 % of latency.
const SPIN_MS = 0.2;
const MAX_SLEEP_MS = 2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let waits = 0;
let waitingSince = 0;
let pumping = false;

/** Awaits GPU work without taking a core: settles as `promise` does, at most 2 ms (or a tenth of its time) later. */
export function throttledWait<T>(promise: Promise<T>): Promise<T> {
  waits++;
  waitingSince = performance.now();
  if (!pumping) void pump();
  return promise.finally(() => {
    waits--;
  });
}

/** One pump for all waits, so that several at once do not add up their sleeps. */
async function pump(): Promise<void> {
  pumping = true;
  while (waits > 0) {
    const elapsed = performance.now() - waitingSince;
    if (elapsed > SPIN_MS) Atomics.wait(sleeper, 0, 0, Math.min(MAX_SLEEP_MS, 0.1 * elapsed));
    await new Promise<void>((done) => setImmediate(done));
  }
  pumping = false;
}
