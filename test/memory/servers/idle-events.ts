/** Event streams in which nothing happens: Sluice's, or the least that Node's own server needs for them. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { eventStreamResponse } from "../../../src/index.ts";
import { answerCommands, childArgument, runServer } from "../../faults/support/child-server.ts";

const kind = childArgument() as "sluice" | "generator" | "bare";
const FIRST = { id: 1, data: "the first event" };

/** What a user writes: one event, and then the wait for the next. */
async function* source(signal: AbortSignal): AsyncGenerator<typeof FIRST> {
  yield FIRST;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

if (kind === "sluice") {
  await runServer((request) => eventStreamResponse(request, ({ signal }) => source(signal)));
} else {
  const readers = new Set<unknown>();
  const server = createServer((_req, res) => {
    res.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
      "X-Content-Type-Options": "nosniff",
    });
    readers.add(res);
    if (kind === "bare") {
      res.write("id: 1\ndata: the first event\n\n");
      res.once("close", () => readers.delete(res));
      return;
    }
    const leaving = new AbortController();
    res.once("close", () => {
      readers.delete(res);
      leaving.abort();
    });
    void (async () => {
      for await (const { id, data } of source(leaving.signal)) res.write(`id: ${id}\ndata: ${data}\n\n`);
    })();
  });
  server.listen(0, "127.0.0.1", () => {
    answerCommands((server.address() as AddressInfo).port, { active: () => readers.size });
  });
}
