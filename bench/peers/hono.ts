/** Hono on `@hono/node-server`: `stream()` for bodies, `streamSSE()` for events. */
import { serve } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { stream, streamSSE, type SSEStreamingApi } from "hono/streaming";
import { chunks, countOf, endless, fileLines, hostname, linesFile, port, strings, ticks } from "./sources.ts";

const app = new Hono();
const readers = new Set<SSEStreamingApi>();

function send(context: Context, source: AsyncIterable<string | Uint8Array>): Response {
  return stream(context, async (body) => {
    for await (const part of source) {
      if (body.aborted) break;
      await body.write(part);
    }
  });
}

app.get("/chunks", (context) => send(context, chunks(countOf(context.req.url))));
app.get("/lines", (context) => send(context, fileLines(linesFile(countOf(context.req.url)))));
app.get("/strings", (context) => send(context, strings(countOf(context.req.url))));
app.get("/ticks", (context) => send(context, ticks()));
app.get("/endless", (context) => send(context, endless()));

app.get("/events", (context) =>
  streamSSE(context, async (events) => {
    readers.add(events);
    await events.write(": open\n\n");
    await new Promise<void>((resolve) => events.onAbort(resolve));
    readers.delete(events);
  }),
);

app.post("/publish", async (context) => {
  const data = await context.req.text();
  for (const reader of readers) void reader.writeSSE({ data });
  return context.body(null, 204);
});

serve({ fetch: app.fetch, port, hostname });
