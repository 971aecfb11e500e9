/** `promise`, or a rejection that says what did not happen within `ms`: a hang fails as an assertion. */
export async function within<T>(ms: number, what: string, promise: PromiseLike<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks again until `condition` answers something true, which it resolves with. */
export async function until<T>(ms: number, what: string, condition: () => T | Promise<T>): Promise<NonNullable<T>> {
  const dueAt = performance.now() + ms;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > dueAt) throw new Error(`Not within ${ms} ms: ${what}`);
    await lapse(10);
  }
}

/** A stretch of time that is measured, or in which something must not happen. */
export function lapse(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
