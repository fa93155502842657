/** How a process ends that ctrl-C stopped. */
const INTERRUPTED = 130;

/**
 * Turns the first ctrl-C (or SIGTERM) into a signal to stop in good order; the second ends the process at once. `end`
 * restores what was before.
 */
export function interruptible(onStop: () => void): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const interrupted = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    onStop();
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, interrupted);
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of signals) process.removeListener(signal, interrupted);
    },
  };
}
