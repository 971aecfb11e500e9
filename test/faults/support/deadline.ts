import { DEADLINE_MS } from "../../helpers/deadline.ts";

export { within } from "../../helpers/deadline.ts";

/** Looks again until `condition` answers something true, which it resolves with. As its namesake, for answers that come. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  ms: number = DEADLINE_MS,
): Promise<NonNullable<T>> {
  const dueAt = performance.now() + ms;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > dueAt) throw new Error(`Hangs: ${what} did not happen within ${ms} ms`);
    await lapse(10);
  }
}

/** A stretch of time that is measured, or in which something must not happen. */
export function lapse(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
