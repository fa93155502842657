/**
 * WebGPU for libraries that expect a browser: installs `navigator.gpu` (Dawn), collects device errors, and replaces the
 * Node binding's busy wait by a throttled one. For one device a process.
 */
import os from 'node:os';

const ERROR_SCOPES = ['validation', 'out-of-memory', 'internal'];
/** The device that the library asked for. */
let device;
let adapterName = '';
/** Methods as the binding ships them, kept so that the throttled wait can be switched on and off. */
const original = {};

/**
 * Resolves to what went wrong on the device since the last call: one message a kind of error.
 *
 * Error scopes and not the event, because the binding prints every error that no scope catches on stdout, where the
 * protocol is.
 */
export async function takeDeviceErrors() {
  if (!device) return [];
  const popped = ERROR_SCOPES.map(() => device.popErrorScope());
  openErrorScopes();
  return (await Promise.all(popped)).filter((error) => error !== null).map((error) => error.message);
}

function openErrorScopes() {
  for (const scope of ERROR_SCOPES) device.pushErrorScope(scope);
}

/** Driver and version of the adapter that the library asked for; empty before it did. */
export function adapterDescription() {
  return adapterName;
}

/**
 * Gives libraries a browser-like `navigator`. Node before 21 has none, later ones have a getter without `gpu`.
 * @param {object} [extra] further properties, such as `gpu`
 */
export function installNavigator(extra = {}) {
  const value = {
    userAgent: `Node.js/${process.versions.node}`,
    vendor: '',
    platform: process.platform,
    language: 'en',
    hardwareConcurrency: os.availableParallelism(),
    ...extra,
  };
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true, writable: true, enumerable: true });
}

/**
 * Installs `navigator.gpu` and the WebGPU globals.
 * @param {{ wait: 'throttled' | 'spin' }} options how to wait for the device
 */
export async function installGpu({ wait }) {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  const gpu = create([]);
  installNavigator({ gpu });

  const { requestDevice } = globals.GPUAdapter.prototype;
  globals.GPUAdapter.prototype.requestDevice = async function (descriptor) {
    adapterName = this.info.description || `${this.info.vendor} ${this.info.architecture}`;
    device = await requestDevice.call(this, descriptor);
    openErrorScopes();
    // The binding may crash at exit if these are collected first.
    globalThis[Symbol.for('secateur.peers.gpu')] = { gpu, adapter: this, device };
    return device;
  };
  original.onSubmittedWorkDone = globals.GPUQueue.prototype.onSubmittedWorkDone;
  original.mapAsync = globals.GPUBuffer.prototype.mapAsync;
  setWait(wait);
}

/** @param {'throttled' | 'spin'} wait */
export function setWait(wait) {
  const wrap = (method) =>
    wait === 'spin'
      ? method
      : function (...args) {
          return throttled(method.apply(this, args));
        };
  GPUQueue.prototype.onSubmittedWorkDone = wrap(original.onSubmittedWorkDone);
  GPUBuffer.prototype.mapAsync = wrap(original.mapAsync);
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits for a promise of the binding and sleeps between its polls: the binding polls in a busy loop, which takes a core
 * from the software driver. The first 0.2 ms are left to it, so short work pays nothing.
 */
async function throttled(promise) {
  let settled = false;
  const settle = () => {
    settled = true;
  };
  promise.then(settle, settle);
  const start = performance.now();
  while (!settled) {
    const elapsed = performance.now() - start;
    if (elapsed > 0.2) Atomics.wait(sleepCell, 0, 0, Math.min(2, 0.1 * elapsed));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}
