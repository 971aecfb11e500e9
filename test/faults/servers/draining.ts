/** A server that drains on SIGTERM, as one in production does. */
import { setTimeout as delay } from "node:timers/promises";
import { eventStreamResponse, streamingResponse } from "../../../src/index.ts";
import type { ServeOptions } from "../../../src/node/index.ts";
import { childArgument, letGo, runServer } from "../support/child-server.ts";

const { graceMs, tls } = childArgument() as { graceMs: number; tls?: ServeOptions["tls"] };

/** Events are numbered for good: whoever comes back with the last one they have gets the next. */
async function* count(after: number, signal: AbortSignal): AsyncGenerator<{ id: number; data: string }> {
  for (let id = after + 1; ; id++) {
    yield { id, data: `event ${id}` };
    // In bursts, so that a drain finds some gathered and some on their way.
    if (id % 7 === 0) await delay(1, undefined, { signal });
  }
}

async function* download(signal: AbortSignal): AsyncGenerator<string> {
  for (let part = 0; part < 20; part++) {
    yield `part ${part}\n`.repeat(5000);
    await delay(25, undefined, { signal });
  }
}

async function* endless(signal: AbortSignal): AsyncGenerator<string> {
  for (;;) {
    yield "more\n";
    await delay(20, undefined, { signal });
  }
}

const terminated = new Promise((resolve) => process.once("SIGTERM", resolve));

const server = await runServer(
  (request) => {
    const { pathname } = new URL(request.url);
    const onFinish = ({ outcome }: { outcome: string }): void => console.error(`${pathname} ${outcome}`);
    if (pathname === "/download") return streamingResponse(({ signal }) => download(signal), { onFinish });
    if (pathname === "/endless") return streamingResponse(({ signal }) => endless(signal), { onFinish });
    if (pathname === "/ping") return new Response("pong");
    return eventStreamResponse(request, ({ signal, lastEventId }) => count(Number(lastEventId ?? 0), signal), {
      onFinish,
    });
  },
  tls ? { tls } : {},
);

await terminated;
await server.close({ graceMs });
// Nothing but the test's own channel may be left to keep the process.
letGo();
