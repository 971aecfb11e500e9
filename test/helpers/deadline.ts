/** What a test waits for, in ms: long enough for a busy machine, short enough to name what hangs. */
export const DEADLINE_MS = 8_000;

/** Resolves as `promise` does. A hang fails as an assertion that says what was waited for. */
export async function within<T>(promise: Promise<T>, what: string, ms: number = DEADLINE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Hangs: ${what} did not happen within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again and again until `condition` holds. */
export async function until(condition: () => boolean, what: string, ms: number = DEADLINE_MS): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Hangs: ${what} did not happen within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Waits until `read` has answered the same for `quietMs`; returns that. */
export async function settled(read: () => number, what: string, quietMs = 300, ms = 15_000): Promise<number> {
  const deadline = performance.now() + ms;
  let value = read();
  let since = performance.now();
  while (performance.now() - since < quietMs) {
    if (performance.now() > deadline) throw new Error(`Never quiet: ${what} still changed after ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const next = read();
    if (next !== value) since = performance.now();
    value = next;
  }
  return value;
}
