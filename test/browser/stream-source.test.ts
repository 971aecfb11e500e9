import type { Server } from "node:http";
import { createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { type RunningServer, serve } from "sluice/node";
import type { Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEADLINE_MS, until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { chromiumMissing, useChromium } from "./chromium.ts";

/** Chromium comes back after 3 s. */
const RECONNECTION_MS = 3_000;
const CLOSED = 2;

/** What an `EventSource` told its page, in order. */
interface Told {
  readonly type: string;
  readonly data?: string;
  readonly readyState: number;
}

/** `follow(url, …types)` opens an `EventSource`, and notes what it says in `told[url]`. */
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script>
  const told = {}, sources = {};
  function follow(url, ...types) {
    const source = sources[url] = new EventSource(url);
    const notes = told[url] = [];
    for (const type of ["open", "error", "message", ...types]) {
      source.addEventListener(type, ({ data }) => notes.push({ type, data, readyState: source.readyState }));
    }
  }
</script>`;

watchReports();

const servers: RunningServer[] = [];
let log = memoryLog();
let streams = createStreams({ log });
/** What has been asked of the streams: method, target, and `Last-Event-ID`. */
let asked: (readonly [method: string, target: string, lastEventId: string | null])[] = [];

beforeEach(() => {
  log = memoryLog();
  streams = createStreams({ log });
  asked = [];
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.destroy();
  await streams.close();
  await log.close();
});

/** Serves the page at `/`, and the streams. */
async function start(): Promise<RunningServer> {
  const server = await serve(
    (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/") return new Response(PAGE, { headers: { "Content-Type": "text/html" } });
      asked.push([request.method, pathname + search, request.headers.get("Last-Event-ID")]);
      return streams.fetch(request);
    },
    { port: 0 },
  );
  servers.push(server);
  return server;
}

function cut({ server }: RunningServer): void {
  (server as Server).closeAllConnections();
}

function toldOf(page: Page, url: string): Promise<Told[]> {
  return page.evaluate<Told[]>(`told[${JSON.stringify(url)}]`);
}

/** Waits in the page until `condition`, of what was told of `url`, holds. */
async function untilTold(page: Page, url: string, condition: string): Promise<Told[]> {
  const what = `${condition} of ${url}`;
  const [source, notes] = [`sources[${JSON.stringify(url)}]`, `told[${JSON.stringify(url)}]`];
  await within(
    page.waitForFunction(`((notes, { readyState }) => ${condition})(${notes}, ${source})`, undefined, {
      timeout: 2 * DEADLINE_MS,
    }),
    what,
    2 * DEADLINE_MS,
  );
  return toldOf(page, url);
}

function dataOf(notes: readonly Told[], type: string): unknown[] {
  return notes.filter((note) => note.type === type).map(({ data }) => JSON.parse(data!) as unknown);
}

if (chromiumMissing) console.warn(`Skipped, what an EventSource of Chromium gets of streams: ${chromiumMissing}`);

describe.skipIf(chromiumMissing)("An EventSource of Chromium", { timeout: 60_000 }, () => {
  const browser = useChromium();

  test("loses nothing and sees nothing twice when it is cut, of one stream and of two; and stops at the end", async () => {
    const server = await start();
    const [one, two] = ["/v1/stream/a", "/v1/stream/?stream=a&stream=b%2Fb"];
    for (const name of ["a", "b/b"]) await streams.append(name, [0]);
    const page = await browser.open(server.url);
    await page.evaluate(`follow("${one}"); follow("${two}", "a", "b%2Fb")`);
    await untilTold(page, two, "notes.length >= 3");

    let n = 1;
    const writer = setInterval(() => {
      void streams.append("a", [n]);
      void streams.append("b/b", [n]);
      n++;
    }, 5);
    try {
      for (const cuts of [1, 2]) {
        await until(() => asked.length === 2 * cuts, `both readers after ${cuts - 1} cuts`, 2 * RECONNECTION_MS);
        const before = n;
        await until(() => n > before + 50, "more messages");
        cut(server);
      }
      await until(() => asked.length === 6, "both readers after two cuts", 2 * RECONNECTION_MS);
    } finally {
      clearInterval(writer);
    }
    for (const name of ["a", "b/b"]) await streams.append(name, [], { close: true });
    const ofOne = await untilTold(page, one, `readyState === ${CLOSED}`);
    const ofTwo = await untilTold(page, two, `readyState === ${CLOSED}`);

    const numbers = Array.from({ length: n }, (_, index) => index);
    expect(n).toBeGreaterThan(1_000);
    expect(dataOf(ofOne, "message")).toEqual(numbers);
    expect(dataOf(ofTwo, "a")).toEqual(numbers);
    expect(dataOf(ofTwo, "b%2Fb")).toEqual(numbers);
    // The first time, twice after a cut, and once to be told that this was all.
    for (const url of [one, two]) expect(asked.filter(([, target]) => target === url)).toHaveLength(4);
  });

  test("comes back to where it was, though nothing had come yet of what it asked for from now on", async () => {
    const server = await start();
    const url = "/v1/stream/a?offset=now";
    const offset = await streams.append("a", ["before"]);
    const page = await browser.open(server.url);
    await page.evaluate(`follow("${url}")`);
    await untilTold(page, url, "notes.length === 1");
    cut(server);
    await streams.append("a", ["while it was away"]);
    const notes = await untilTold(page, url, "notes.some(({ type }) => type === 'message')");
    expect(dataOf(notes, "message")).toEqual(["while it was away"]);
    expect(asked.map(([, , lastEventId]) => lastEventId)).toEqual([null, offset]);
  });

  test("gets a failure as an error with data, and stops then", async () => {
    const server = await start();
    const url = "/v1/stream/a";
    await streams.append("a", [1], { failure: "out_of_words" });
    const page = await browser.open(server.url);
    await page.evaluate(`follow("${url}")`);
    const notes = await untilTold(page, url, `readyState === ${CLOSED}`);
    expect(notes.map(({ type, data }) => [type, data])).toEqual([
      ["open", undefined],
      ["message", "1"],
      ["error", '{"code":"out_of_words"}'],
      // The connection's end, and that there is no more.
      ["error", undefined],
      ["error", undefined],
    ]);
    expect(asked).toHaveLength(2);
  });

  // From 128 bytes on, a browser asks first whether it may send an id to another origin.
  test("follows six streams of another origin, whose id is long", async () => {
    const server = await start();
    const names = ["a", "b", "c", "d", "e", "f"];
    const url = `${server.url}/v1/stream/?${names.map((name) => `stream=${name}`).join("&")}`;
    for (const name of names) await streams.append(name, [`${name}1`]);
    const page = await browser.open((await start()).url);
    await page.evaluate(`follow(${JSON.stringify(url)}, ...${JSON.stringify(names)})`);
    await untilTold(page, url, "notes.length === 7");
    cut(server);
    for (const name of names) await streams.append(name, [`${name}2`], { close: true });
    const notes = await untilTold(page, url, `readyState === ${CLOSED}`);
    for (const name of names) expect(dataOf(notes, name)).toEqual([`${name}1`, `${name}2`]);
    expect(asked.findLast(([method]) => method === "GET")![2]!.length).toBeGreaterThan(128);
  });
});
