import type { RunningServer } from "./server.ts";

const SAMPLE_MS = 50;

/**
 * The highest {@link RunningServer.pssBytes} while `work` runs. A reading takes milliseconds, in which the server cannot map
 * memory: not to be had of the run that is timed.
 */
export async function peakPssBytes(server: RunningServer, work: () => Promise<unknown>): Promise<number> {
  let peak = server.pssBytes();
  const sample = (): void => {
    peak = Math.max(peak, server.pssBytes());
  };
  const sampler = setInterval(sample, SAMPLE_MS);
  try {
    await work();
  } finally {
    clearInterval(sampler);
  }
  sample();
  return peak;
}
