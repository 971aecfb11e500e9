import type { Page, Request as PageRequest } from "playwright-core";
import { afterEach, describe, expect, test } from "vitest";
import { type EventContext, type Events, eventStreamResponse, streamingResponse } from "../../src/index.ts";
import { type FetchHandler, type RunningServer, serve } from "../../src/node/index.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { chromiumMissing, useChromium } from "./chromium.ts";

/** What an `EventSource` told its page, in order. */
interface Told {
  readonly type: string;
  readonly data?: unknown;
  readonly lastEventId?: string;
  /** As it was when the page was told. */
  readonly readyState: number;
}

const [CONNECTING, OPEN, CLOSED] = [0, 1, 2];

/** `follow(path, …types)` opens an `EventSource`, and notes what it says in `told[path]`. */
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>
  const told = {}, sources = {};
  function follow(path, ...types) {
    const source = sources[path] = new EventSource(path);
    const notes = told[path] = [];
    for (const type of ["open", "error", "message", ...types]) {
      source.addEventListener(type, ({ data, lastEventId }) => {
        notes.push({ type, data, lastEventId, readyState: source.readyState });
      });
    }
  }
</script>`;

const servers: RunningServer[] = [];
const reports = watchReports();

afterEach(async () => {
  for (const server of servers.splice(0)) await server.destroy();
});

/** Serves the page at `/`, and all else by `handler`. */
async function start(handler: FetchHandler, port = 0): Promise<RunningServer> {
  const server = await serve(
    (request, ...rest) =>
      new URL(request.url).pathname === "/"
        ? new Response(PAGE, { headers: { "Content-Type": "text/html" } })
        : handler(request, ...rest),
    { port },
  );
  servers.push(server);
  return server;
}

/** Waits in the page until `count` events of `type` have come from `path`; returns all that was told by then. */
async function toldBy(page: Page, path: string, type: string, count: number): Promise<Told[]> {
  const come = `(told["${path}"] ?? []).filter(({ type }) => type === "${type}").length >= ${count}`;
  await within(page.waitForFunction(come), `${count} × ${type} from ${path}`);
  return page.evaluate<Told[]>(`told["${path}"]`);
}

function only(notes: readonly Told[], ...types: string[]): Told[] {
  return notes.filter(({ type }) => types.includes(type));
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** How Chromium says that the requests to `path` ended: `finished`, or its error. */
function watchEnds(page: Page, path: string): string[] {
  const ends: string[] = [];
  const watch =
    (how: (request: PageRequest) => string) =>
    (request: PageRequest): void => {
      if (new URL(request.url()).pathname === path) ends.push(how(request));
    };
  page.on(
    "requestfinished",
    watch(() => "finished"),
  );
  page.on(
    "requestfailed",
    watch((request) => request.failure()?.errorText ?? "failed"),
  );
  return ends;
}

if (chromiumMissing) console.warn(`Skipped, what a page in Chromium sees: ${chromiumMissing}`);

describe.skipIf(chromiumMissing)("A page in Chromium", { timeout: 40_000 }, () => {
  const browser = useChromium();

  test("reads events with their ids, types and lines", async () => {
    const server = await start((request) =>
      eventStreamResponse(request, async function* ({ signal }) {
        yield "without an id";
        yield { id: 1, data: "CR\rLF\nCRLF\r\nend" };
        yield { data: "keeps the id: 1\n\n\r\r\n" };
        yield { id: "zwei ✓", event: "price", data: { price: 12.5, note: "a\r\nb" } };
        yield { comment: "data: not an event\r\ndata: nor this\rid: nor this" };
        yield { data: " data: one space in front, 😀 and \0" };
        yield { id: "", data: "" };
        yield { data: "id: 9\revent: price\n: no comment\r\ndata" };
        await untilAborted(signal);
      }),
    );
    const page = await browser.open(server.url);
    await page.evaluate(`follow("/events", "price")`);
    const notes = await toldBy(page, "/events", "message", 6);

    expect(notes[0]).toMatchObject({ type: "open", readyState: OPEN });
    expect(notes.slice(1).map(({ type, lastEventId, data }) => [type, lastEventId, data])).toEqual([
      ["message", "", "without an id"],
      ["message", "1", "CR\nLF\nCRLF\nend"],
      ["message", "1", "keeps the id: 1\n\n\n\n"],
      ["price", "zwei ✓", `{"price":12.5,"note":"a\\r\\nb"}`],
      ["message", "zwei ✓", " data: one space in front, 😀 and \0"],
      ["message", "", ""],
      ["message", "", "id: 9\nevent: price\n: no comment\ndata"],
    ]);
  });

  test("comes back with the last id in UTF-8 after the source has thrown", async () => {
    const id = "7…é 😀";
    const ids: (string | undefined)[] = [];
    const received = Promise.withResolvers<void>();
    const server = await start((request) =>
      eventStreamResponse(
        request,
        async function* ({ signal, lastEventId }) {
          ids.push(lastEventId);
          if (lastEventId === undefined) {
            yield { id, data: "before" };
            await received.promise;
            throw new Error("The source fails");
          }
          yield { data: "after" };
          await untilAborted(signal);
        },
        { retryMs: 20 },
      ),
    );
    const page = await browser.open(server.url);
    const ends = watchEnds(page, "/events");
    await page.evaluate(`follow("/events")`);
    await toldBy(page, "/events", "message", 1);
    received.resolve();
    const notes = await toldBy(page, "/events", "message", 2);

    expect(notes.map(({ type, readyState, data, lastEventId }) => [type, readyState, data, lastEventId])).toEqual([
      ["open", OPEN, undefined, undefined],
      ["message", OPEN, "before", id],
      ["error", CONNECTING, undefined, undefined],
      ["open", OPEN, undefined, undefined],
      ["message", OPEN, "after", id],
    ]);
    expect(ids).toEqual([undefined, id]);
    await until(() => ends.length > 0, "the end of the first request");
    expect(ends).toEqual([expect.stringContaining("ERR_")]);
    expect(reports.takeAll().map(({ code }) => code)).toEqual(["SOURCE_FAILED"]);
  });

  // Chromium's own reconnection time is 3 s: one above it and one below.
  test.each([4_000, 600])("comes back no earlier than the reconnection time of %i ms", async (retryMs) => {
    let endedAt: number | undefined;
    let backAt: number | undefined;
    const server = await start((request) => {
      if (endedAt !== undefined) backAt ??= performance.now();
      return eventStreamResponse(
        request,
        async function* ({ signal }) {
          yield "an event";
          if (endedAt === undefined) endedAt = performance.now();
          else await untilAborted(signal);
        },
        { retryMs },
      );
    });
    const page = await browser.open(server.url);
    await page.evaluate(`follow("/events")`);
    await until(() => backAt !== undefined, "coming back", retryMs + 8_000);

    expect(backAt! - endedAt!).toBeGreaterThanOrEqual(retryMs);
    // Where another time was taken for it, that is Chromium's own.
    if (retryMs < 3_000) expect(backAt! - endedAt!).toBeLessThan(3_000);
  });

  test.each<[string, (context: EventContext) => ReturnType<Extract<Events, (...given: never) => unknown>>]>([
    ["the function", () => null],
    [
      "the generator",
      async function* () {
        return null;
      },
    ],
  ])("stops for good when %s returns null", async (_what, none) => {
    const requests = { "/events": 0, "/others": 0 };
    const server = await start((request) => {
      const path = new URL(request.url).pathname as keyof typeof requests;
      requests[path]++;
      const again = path === "/others" || requests[path] === 1;
      return eventStreamResponse(request, again ? ["an event"] : none, { retryMs: 50 });
    });
    const page = await browser.open(server.url);
    await page.evaluate(`follow("/events")`);
    const notes = await toldBy(page, "/events", "error", 2);
    expect(only(notes, "open", "message", "error").map(({ type, readyState }) => [type, readyState])).toEqual([
      ["open", OPEN],
      ["message", OPEN],
      ["error", CONNECTING],
      ["error", CLOSED],
    ]);

    // Another reader comes back again and again in that time.
    await page.evaluate(`follow("/others")`);
    await until(() => requests["/others"] >= 6, "coming back of another reader");
    expect(requests["/events"]).toBe(2);
    expect(await page.evaluate(`sources["/events"].readyState`)).toBe(CLOSED);
  });

  test("is told by a server that closes when to come back, and finds the next one", async () => {
    const retryMs = 300;
    const handler =
      (onEvents: () => void): FetchHandler =>
      (request) => {
        onEvents();
        return eventStreamResponse(
          request,
          async function* ({ signal }) {
            // Who was not told a time at the end would come back long after the deadline.
            yield { id: 1, data: "an event", retry: 60_000 };
            await untilAborted(signal);
          },
          { retryMs },
        );
      };
    const first = await start(handler(() => {}));
    const page = await browser.open(first.url);
    const ends = watchEnds(page, "/events");
    await page.evaluate(
      `follow("/events"); void (globalThis.text = fetch("/text").then((response) => response.text()))`,
    );
    await toldBy(page, "/events", "message", 1);
    await until(() => first.active === 2, "both streams");

    const closingAt = performance.now();
    await within(first.close({ graceMs: 5_000 }), "closing");
    let backAt: number | undefined;
    await start(
      handler(() => (backAt ??= performance.now())),
      first.port,
    );
    const notes = await toldBy(page, "/events", "message", 2);

    expect(backAt! - closingAt).toBeGreaterThanOrEqual(retryMs);
    expect(notes.find(({ type }) => type === "error")).toMatchObject({ readyState: CONNECTING });
    expect(ends[0]).toBe("finished");
    // The same in plain text: the whole of it arrives, with a time of its own at the end.
    const text = await page.evaluate<string>("globalThis.text");
    const [, toldMs] = /\n\nretry: (\d+)\n\n$/u.exec(text) ?? [];
    expect(Number(toldMs)).toBeGreaterThanOrEqual(retryMs);
    expect(Number(toldMs)).toBeLessThanOrEqual(3 * retryMs);
  });

  describe("fetches text", () => {
    const line = `${"0123456789".repeat(20)}\n`;
    const lines = 1_000;
    const init = { mediaType: "text/plain" };
    const cases = [
      ["in chunks", null, init],
      ["of a known length", null, { ...init, contentLength: line.length * lines }],
      ["compressed", expect.stringMatching(/^(?:zstd|br|gzip)$/u) as unknown, { ...init, compress: true }],
    ] as const;

    /** Status, coding, and whether the text is whole, or the name of what `text()` rejects with. */
    const fetchText = (page: Page): Promise<unknown> =>
      page.evaluate(`fetch("/text").then(async (response) => {
        // What has arrived lets the source go on.
        await response.clone().body.getReader().read();
        void fetch("/go-on");
        const end = await response.text().then(
          (text) => text === ${JSON.stringify(line)}.repeat(${lines}),
          (error) => error.name,
        );
        return [response.status, response.headers.get("Content-Encoding"), end];
      })`);

    const startHalfway = (half: "fails" | "goes on", options: (typeof cases)[number][2]): Promise<RunningServer> => {
      const goOn = Promise.withResolvers<void>();
      return start((request) => {
        if (new URL(request.url).pathname === "/go-on") {
          goOn.resolve();
          return new Response(null, { status: 204 });
        }
        return streamingResponse(async function* () {
          for (let index = 0; index < lines; index++) {
            if (index === lines / 2) {
              await goOn.promise;
              if (half === "fails") throw new Error("The source fails");
            }
            yield line;
          }
        }, options);
      });
    };

    test.each(cases)("that is whole: %s", async (_how, coding, options) => {
      const page = await browser.open((await startHalfway("goes on", options)).url);
      expect(await within(fetchText(page), "the text")).toEqual([200, coding, true]);
    });

    test.each(cases)("that fails half-way, and is refused it: %s", async (_how, coding, options) => {
      const page = await browser.open((await startHalfway("fails", options)).url);
      expect(await within(fetchText(page), "the text")).toEqual([200, coding, "TypeError"]);
      expect(reports.takeAll().map(({ code }) => code)).toEqual(["SOURCE_FAILED"]);
    });
  });
});
