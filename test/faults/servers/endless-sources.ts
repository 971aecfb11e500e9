/** Sources that never let go of the event loop by themselves, and a clock that says how late timers are beside them. */
import { type OutcomeKind, streamingResponse } from "../../../src/index.ts";
import { runServer } from "../support/child-server.ts";

export const ENDLESS = ["strings", "buffers", "empty-strings", "async-never-waiting"] as const;

const TICK_MS = 5;
const line = `${"x".repeat(63)}\n`;
const block = Buffer.alloc(64 * 1024, "x");

let pulls = 0;
let aborts = 0;
let finallys = 0;
const outcomes: OutcomeKind[] = [];

function* endless<T>(item: T, signal: AbortSignal): Generator<T> {
  signal.addEventListener("abort", () => aborts++);
  try {
    for (;;) {
      pulls++;
      yield item;
    }
  } finally {
    finallys++;
  }
}

async function* neverWaiting(signal: AbortSignal): AsyncGenerator<string> {
  yield* endless(line, signal);
}

type Make = (signal: AbortSignal) => Generator<string | Buffer> | AsyncGenerator<string>;

const sources: Record<(typeof ENDLESS)[number], Make> = {
  strings: (signal) => endless(line, signal),
  buffers: (signal) => endless(block, signal),
  "empty-strings": (signal) => endless("", signal),
  "async-never-waiting": neverWaiting,
};

let latestMs = 0;
let expectedAt = performance.now() + TICK_MS;
setInterval(() => {
  const now = performance.now();
  latestMs = Math.max(latestMs, now - expectedAt);
  expectedAt = now + TICK_MS;
}, TICK_MS).unref();

await runServer(
  (request) => {
    const name = new URL(request.url).pathname.slice(1) as (typeof ENDLESS)[number] | "ping";
    if (name === "ping") return new Response("pong");
    return streamingResponse(({ signal }) => sources[name](signal), {
      commitAfterMs: 10,
      onFinish: ({ outcome }) => void outcomes.push(outcome),
    });
  },
  {},
  {
    counts: () => ({ pulls, aborts, finallys, outcomes }),
    /** How late the latest timer since the last time was, in ms. */
    lag: () => {
      const lag = latestMs;
      latestMs = 0;
      return lag;
    },
  },
);
