/** What `StreamingResponse` is used for elsewhere, in one app: lines, a file, events, the rows of a query. */
import { setTimeout as delay } from "node:timers/promises";
import { Hono } from "hono";
import { eventStreamResponse, fileResponse, lines, rowsResponse, streamingResponse } from "sluice";
import { sqlite } from "sluice/databases/sqlite";
import { serve } from "sluice/node";

// Made by `npm start`, once.
const database = sqlite(".data/demo/huge.db");
const app = new Hono();

app.get("/large-file", () => streamingResponse(lines(".data/demo/lines.txt"), { mediaType: "text/plain" }));

app.get("/video", (c) => fileResponse(c.req.raw, "src/server/demo-assets/clock.mp4"));

app.get("/events", (c) =>
  eventStreamResponse(c.req.raw, async function* ({ signal, lastEventId }) {
    for (let id = Number(lastEventId ?? 0) + 1; ; id++) {
      yield { id, data: { time: new Date() } };
      await delay(1000, undefined, { signal });
    }
  }),
);

app.get("/export", (c) => {
  const query = database.query("SELECT * FROM huge_table WHERE amount >= :least", { least: 9_000 });
  return rowsResponse(c.req.raw, query, { format: "csv", filename: "large amounts.csv" });
});

const server = await serve((request) => app.fetch(request), { port: Number(process.env["PORT"] ?? 8000) });
console.log(`curl ${server.url}/export`);
