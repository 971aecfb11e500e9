import type { TestContext } from "vitest";

/** Whether the heavy tests run at their full size: `npm run soak`. */
export const SOAK: boolean = process.env["SOAK"] === "1";

/** How much of something a heavy test does. */
export function scaled(byDefault: number, full: number): number {
  return SOAK ? full : byDefault;
}

/** Says what a heavy test did, so that nobody takes the small run for the full one. */
export function ran(what: string): void {
  console.log(`ran${SOAK ? " (soak)" : ""}: ${what}`);
}

export function toMiB(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

export function toGrowth(bytes: number): string {
  return `${bytes < 0 ? "−" : "+"}${toMiB(Math.abs(bytes))}`;
}

/** Skips a test, and says why where everybody sees it. */
export function skip(context: TestContext, reason: string): void {
  console.log(`skipped: ${reason}`);
  context.skip(reason);
}
