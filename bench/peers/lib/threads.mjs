/**
 * Worker threads for libraries that expect a browser's `Worker`, so that their multi-threaded WebAssembly runs in Node.
 */
import { resolveObjectURL } from 'node:buffer';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Worker as NodeWorker } from 'node:worker_threads';

const require = createRequire(import.meta.url);

/** Gives a worker's source the names that it would find in a browser. */
const WORKER_PRELUDE = `
const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (data) => parentPort.postMessage(data);
parentPort.on('message', (data) => globalThis.onmessage({ data }));
`;

/** A dedicated web worker started from a blob URL; enough of the interface for @jax-js/jax. */
class WebWorker {
  onmessage = null;
  onerror = null;
  /** Resolves to the thread: messages wait for it, in order. */
  #starting;

  constructor(url) {
    this.#starting = this.#start(url);
    this.#starting.catch((error) => this.onerror?.(error));
  }

  async #start(url) {
    const blob = resolveObjectURL(url);
    if (!blob) throw new Error(`expected the URL of a live blob, got ${url}`);
    const thread = new NodeWorker(WORKER_PRELUDE + (await blob.text()), { eval: true });
    thread.on('message', (data) => this.onmessage?.({ data }));
    thread.on('error', (error) => this.onerror?.(error));
    return thread;
  }

  postMessage(data) {
    this.#starting.then(
      (thread) => thread.postMessage(data),
      () => {}, // reported by onerror
    );
  }
}

/** Defines the global `Worker`. Call before @jax-js/jax is imported: it looks once. */
export function installWebWorker() {
  globalThis.Worker = WebWorker;
}

/**
 * Lets @tensorflow/tfjs-backend-wasm start its threads in Node. The library hands blobs to `worker_threads`, which
 * takes none (so it switches threads off in Node); both scripts also lie in its package, one of them as a string.
 */
export function installTfjsWorker() {
  const root = path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  const script = path.join(root, 'wasm-out', 'tfjs-backend-wasm-threaded-simd');
  // As in the library: the string holds line breaks where its source means the two characters \\n.
  const workerSource = require(`${script}.worker.js`).wasmWorkerContents.replace(/\n/g, '\\n');
  class TfjsWorker extends NodeWorker {
    constructor(url, options) {
      if (String(url).startsWith('blob:')) super(workerSource, { ...options, eval: true });
      else super(url, options);
    }
    postMessage(message, transfer) {
      super.postMessage(message?.cmd === 'load' ? { ...message, urlOrBlob: `${script}.js` } : message, transfer);
    }
  }
  require('node:worker_threads').Worker = TfjsWorker;
}
