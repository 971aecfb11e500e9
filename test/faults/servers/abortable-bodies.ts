/** Bodies of every kind to leave at any moment, and an account of what was begun and what was cleaned up. */
import { setTimeout as delay } from "node:timers/promises";
import { eventStreamResponse, lines, streamingResponse } from "../../../src/index.ts";
import { childArgument, runServer } from "../support/child-server.ts";

const { file } = childArgument() as { file: string };
const text = `${"some text of a line ".repeat(50)}\n`;

let begun = 0;
let cleanedUp = 0;
let made = 0;
let collected = 0;
const outcomes: Record<string, number> = {};
const registry = new FinalizationRegistry(() => collected++);

const onFinish = ({ outcome }: { outcome: string }): void => {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
};

async function* ticking(signal: AbortSignal): AsyncGenerator<string> {
  begun++;
  try {
    for (;;) {
      yield text;
      await delay(2, undefined, { signal });
    }
  } finally {
    cleanedUp++;
  }
}

async function* idle(signal: AbortSignal, first?: string): AsyncGenerator<string> {
  begun++;
  try {
    if (first !== undefined) yield first;
    await delay(60_000, undefined, { signal });
  } finally {
    cleanedUp++;
  }
}

function* endless(): Generator<string> {
  begun++;
  try {
    for (;;) yield text;
  } finally {
    cleanedUp++;
  }
}

function foreign(): ReadableStream<Uint8Array> {
  begun++;
  const bytes = new TextEncoder().encode(text);
  let timer: NodeJS.Timeout | undefined;
  return new ReadableStream({
    start(controller) {
      timer = setInterval(() => (controller.desiredSize! > 0 ? controller.enqueue(bytes) : undefined), 2);
    },
    cancel() {
      clearInterval(timer);
      cleanedUp++;
    },
  });
}

type Source = (context: { signal: AbortSignal }) => Generator<string> | AsyncGenerator<string>;

/** Knows when nobody holds the source's function any more, and with it the body. */
function watched(source: Source): Source {
  const copy: Source = (context) => source(context);
  made++;
  registry.register(copy, undefined);
  return copy;
}

const stream = (source: Source, compress = false): Response =>
  streamingResponse(watched(source), { mediaType: "text/plain", compress, onFinish });

const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
  "/endless": () => stream(endless),
  "/compressed": () => stream(endless, true),
  "/ticking": () => stream(({ signal }) => ticking(signal)),
  "/idle": () => stream(({ signal }) => idle(signal, text)),
  "/nothing-yet": () => stream(({ signal }) => idle(signal)),
  "/late": async () => {
    await delay(5);
    return stream(({ signal }) => ticking(signal));
  },
  "/events": (request) =>
    eventStreamResponse(
      request,
      watched(({ signal }) => ticking(signal)),
      { onFinish },
    ),
  "/idle-events": (request) =>
    eventStreamResponse(
      request,
      watched(({ signal }) => idle(signal, text)),
      { commitAfterMs: 5, keepAliveMs: 5, onFinish },
    ),
  "/lines": () => streamingResponse(lines(file), { onFinish }),
  "/foreign": () => new Response(foreign()),
  "/finite": () => stream(() => ["whole"][Symbol.iterator]() as Generator<string>),
};

await runServer(
  (request) => routes[new URL(request.url).pathname]!(request),
  {},
  {
    routes: () => Object.keys(routes),
    account: () => ({ begun, cleanedUp, outcomes }),
    /** Sources that were made and can still be reached, after a collection. */
    held: () => made - collected,
  },
);
