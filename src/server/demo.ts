import { setTimeout as delay } from "node:timers/promises";
import { Hono } from "hono";
import { eventStreamResponse, fileResponse, lines, rowsResponse, streamingResponse } from "../index.ts";
import { sqlite } from "../rows/databases/sqlite.ts";
import type { RowDatabase } from "../rows/row-query.ts";
import type { DemoData } from "./demo-data.ts";
import { indexResponse } from "./demo-index.ts";
import { readings } from "./demo-readings.ts";

const DOWNLOAD_LINES = 1_000_000;
const LINE_BYTES = 50;

export interface Demo extends AsyncDisposable {
  readonly app: Hono;
  /** With `huge_table`; the demo's to dispose of. */
  readonly database: RowDatabase;
}

/**
 * One route for each thing that Sluice does. `sluice serve --demo` serves them; `/` lists them.
 *
 * @param hasTables - whether `huge_table` can be exported by its name, too
 */
export function createDemo(data: DemoData, hasTables: boolean): Demo {
  const app = new Hono();
  const database = sqlite(data.database);

  app.get("/", (c) => indexResponse(c.req.raw, hasTables));

  // Text, line by line, as it is made.
  app.get("/stream", () =>
    streamingResponse(
      async function* ({ signal }) {
        for (let line = 1; line <= 10; line++) {
          yield `line ${line} of 10, made at ${new Date().toISOString()}\n`;
          await delay(500, undefined, { signal });
        }
      },
      // Without nosniff, browsers wait for the first kilobyte.
      { mediaType: "text/plain", headers: { "X-Content-Type-Options": "nosniff" } },
    ),
  );

  // 50 MB of text, from a generator that yields a line at a time, to be saved as a file.
  app.get("/download", () =>
    streamingResponse(outputLines(), {
      mediaType: "text/plain",
      filename: "output.txt",
      contentLength: DOWNLOAD_LINES * LINE_BYTES,
    }),
  );

  // Server-sent events, one a second. A reader that comes back goes on counting where it was.
  app.get("/sse", (c) =>
    eventStreamResponse(c.req.raw, async function* ({ signal, lastEventId = "0" }) {
      for (let id = Number.parseInt(lastEventId, 10) + 1 || 1; ; id++) {
        yield { id, data: { count: id, time: new Date() } };
        await delay(1000, undefined, { signal });
      }
    }),
  );

  // A text file of five million lines.
  app.get("/large-file", () => streamingResponse(lines(data.lines), { mediaType: "text/plain" }));

  // A video: players seek in it by asking for byte ranges.
  app.get("/video", (c) => fileResponse(c.req.raw, data.video));

  // Events that are kept: a reader that comes back gets those it has missed.
  app.get("/events", (c) =>
    eventStreamResponse(c.req.raw, async function* ({ signal, lastEventId }) {
      for await (const reading of readings({ after: lastEventId, signal })) {
        yield { id: reading.id, event: "reading", data: reading };
      }
    }),
  );

  // A database table of a million rows, as CSV.
  app.get("/export", (c) =>
    rowsResponse(c.req.raw, database.query("SELECT * FROM huge_table"), { format: "csv", filename: "huge_table.csv" }),
  );

  return { app, database, [Symbol.asyncDispose]: () => database.destroy() };
}

function* outputLines(): Generator<string> {
  for (let line = 1; line <= DOWNLOAD_LINES; line++) {
    yield `${`line ${line} of ${DOWNLOAD_LINES}`.padEnd(LINE_BYTES - 1, " .")}\n`;
  }
}
