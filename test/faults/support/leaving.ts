/** Bodies that bring a response into one state, of every kind, and readers that leave in it. */
import { fstatSync, readdirSync, statSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { eventStreamResponse, lines, streamingResponse } from "sluice";

export const STATES = ["before the head", "before the first item", "mid-write", "idle", "at the end"] as const;
export type State = (typeof STATES)[number];

export const BLOCK_BYTES = 64 * 1024;

/** What a test sees of its source. */
interface Observed {
  started: boolean;
  pulls: number;
  /** The source has given its last item by itself. */
  exhausted: boolean;
  cleanedUp: () => boolean;
}

export interface Body {
  observed: Observed;
  readonly respond: (request: Request) => Response;
}

/** What the source does in `state`: its items' sizes in bytes, and whether it waits behind them. */
export interface Plan {
  sizes: Iterable<number>;
  waits: boolean;
}

/** @param endBytes - the length of a body that comes to its end on HTTP/1 while its last bytes do not fit the connection */
export function planFor(state: State, http2: boolean, endBytes: number): Plan {
  if (state === "mid-write") return { sizes: endlessly(BLOCK_BYTES), waits: false };
  if (state === "idle") return { sizes: [100], waits: true };
  if (state !== "at the end") return { sizes: [], waits: true };
  // More than the reader's window of 65,535 bytes: with the last bytes comes the end, and waits with them.
  if (http2) return { sizes: [60_000, 20_000], waits: false };
  const blocks = Math.floor(endBytes / BLOCK_BYTES);
  return { sizes: [...Array<number>(blocks).fill(BLOCK_BYTES), endBytes % BLOCK_BYTES], waits: false };
}

function* endlessly(size: number): Generator<number> {
  for (;;) yield size;
}

const commit = (state: State): number => (state === "before the head" ? 60_000 : 0);

/** A generator that passes its signal on to what it waits for. */
export function generatorBody(plan: Plan, state: State): Body {
  const { observed, items } = observe(plan);
  return {
    observed,
    respond: () => streamingResponse(({ signal }) => items(signal), { commitAfterMs: commit(state) }),
  };
}

export function eventsBody(plan: Plan, state: State): Body {
  const { observed, items } = observe(plan);
  return {
    observed,
    respond: (request) =>
      eventStreamResponse(request, ({ signal }) => events(items(signal)), { commitAfterMs: commit(state) }),
  };
}

async function* events(items: AsyncGenerator<string>): AsyncGenerator<string> {
  // `data: `, LF, LF: the frame is as long as the item.
  for await (const item of items) yield item.slice(8);
}

/** A `ReadableStream` that somebody else made. */
export function foreignBody(plan: Plan): Body {
  const leaving = new AbortController();
  const { observed, items } = observe(plan);
  return {
    observed,
    respond: () => {
      const source = items(leaving.signal);
      const encoder = new TextEncoder();
      const stream = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const { done, value } = await source.next();
            if (done) controller.close();
            else controller.enqueue(encoder.encode(value));
          },
          async cancel(reason) {
            leaving.abort(reason);
            await source.return(undefined);
          },
        },
        { highWaterMark: 0 },
      );
      return new Response(stream);
    },
  };
}

/** A file's lines; the file is larger than any connection takes. */
export function linesBody(file: string): Body {
  const observed: Observed = { started: true, pulls: 0, exhausted: false, cleanedUp: () => !isOpen(file) };
  return { observed, respond: () => streamingResponse(lines(file)) };
}

/** Whether this process has `file` open. */
export function isOpen(file: string): boolean {
  const { dev, ino } = statSync(file);
  return readdirSync("/dev/fd").some((descriptor) => {
    try {
      const open = fstatSync(Number(descriptor));
      return open.ino === ino && open.dev === dev;
    } catch {
      // The descriptor that listed them is closed again.
      return false;
    }
  });
}

function observe(plan: Plan): { observed: Observed; items: (signal: AbortSignal) => AsyncGenerator<string> } {
  let cleanedUp = false;
  const observed: Observed = { started: false, pulls: 0, exhausted: false, cleanedUp: () => cleanedUp };
  async function* items(signal: AbortSignal): AsyncGenerator<string> {
    observed.started = true;
    try {
      for (const size of plan.sizes) {
        observed.pulls++;
        yield "x".repeat(size);
        // What came so far is written by itself.
        if (size === 60_000) await turn().then(() => turn());
      }
      if (plan.waits)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
      observed.exhausted = true;
    } finally {
      cleanedUp = true;
    }
  }
  return { observed, items };
}
