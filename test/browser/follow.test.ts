import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { type RunningServer, serve } from "sluice/node";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { until } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { chromiumMissing, useChromium } from "./chromium.ts";

const ROOT = join(import.meta.dirname, "../..");
/** It comes with vitest. */
const BUNDLER = join(ROOT, "node_modules/rolldown/bin/cli.mjs");

/** `run(name, url, options)` follows, and notes what comes in `told[name]`. */
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module">
  import { follow, FollowError } from "/client.js";
  globalThis.told = {};
  globalThis.run = async (name, url, options = {}) => {
    const notes = told[name] = { data: [], ids: [], retries: 0, end: undefined };
    const onRetry = () => notes.retries++;
    try {
      const all = { reconnectionMs: 20, maxDelayMs: 100, retries: 100, onRetry, ...options };
      for await (const { data, id } of follow(url, all)) {
        notes.data.push(data);
        notes.ids.push(id);
      }
      notes.end = "ended";
    } catch (error) {
      notes.end = error instanceof FollowError ? error.code : String(error);
    }
  };
  globalThis.isReady = true;
</script>`;

interface Told {
  readonly data: string[];
  readonly ids: string[];
  readonly retries: number;
  readonly end?: string;
}

watchReports();

const folder = temporaryFolder();
let client = "";
let log = memoryLog();
let streams = createStreams({ log });
let servers: RunningServer[] = [];
/** What has been asked of the streams. */
let asked: { readonly method: string; readonly path: string; readonly fields: Headers; readonly body: string }[] = [];

beforeAll(async () => {
  const args = ["src/client/index.ts", "--minify", "--format", "esm", "--dir", folder.path];
  await promisify(execFile)(process.execPath, [BUNDLER, ...args], { cwd: ROOT });
  client = readFileSync(join(folder.path, "index.js"), "utf8");
});
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

/** Serves the page, the client and the streams. */
async function start(port = 0): Promise<RunningServer> {
  const server = await serve(
    async (request) => {
      const { pathname, search } = new URL(request.url);
      if (pathname === "/") return new Response(PAGE, { headers: { "Content-Type": "text/html" } });
      if (pathname === "/client.js") return new Response(client, { headers: { "Content-Type": "text/javascript" } });
      const body = request.method === "POST" ? await request.text() : "";
      asked.push({ method: request.method, path: pathname + search, fields: request.headers, body });
      if (pathname === "/model") return answerModel(request);
      return streams.fetch(request);
    },
    { port },
  );
  servers.push(server);
  return server;
}

/** As a model's API: POST, and events that say where to go on. */
function answerModel({ headers }: Request): Response {
  const from = Number(headers.get("last-event-id") ?? 0);
  if (from === 3) return new Response(null, { status: 204 });
  return new Response(`retry: 1\nid: ${from + 1}\ndata: word ${from + 1}\n\n`, {
    headers: { "Content-Type": "text/event-stream" },
  });
}

if (chromiumMissing) console.warn(`Skipped, following streams in Chromium: ${chromiumMissing}`);

describe.skipIf(chromiumMissing)("sluice/client in Chromium", { timeout: 60_000 }, () => {
  const browser = useChromium();

  async function openPage(url: string) {
    const page = await browser.open(url);
    await page.waitForFunction("globalThis.isReady === true");
    return {
      run: (name: string, target: string, options: object = {}): Promise<void> =>
        page.evaluate(`void run(${JSON.stringify(name)}, ${JSON.stringify(target)}, ${JSON.stringify(options)})`),
      told: (name: string): Promise<Told> => page.evaluate<Told>(`told[${JSON.stringify(name)}]`),
      untilTold: async (name: string, condition: string): Promise<Told> => {
        await page.waitForFunction(`(({ data, end, retries }) => ${condition})(told[${JSON.stringify(name)}])`);
        return page.evaluate<Told>(`told[${JSON.stringify(name)}]`);
      },
    };
  }

  test("follows a stream through restarts of its server, and to its end: each message once, in order", async () => {
    let server = await start();
    const { url } = server;
    const port = Number(new URL(url).port);
    const names = ["/v1/stream/s", "/v1/stream/s?live=sse"];
    await streams.append("s", [0]);
    const page = await openPage(url);
    for (const name of names) await page.run(name, name, { headers: { "X-Own": "1" } });
    for (const name of names) await page.untilTold(name, "data.length >= 1");

    let n = 1;
    const writer = setInterval(() => void streams.append("s", [n++]), 2);
    try {
      for (let restarts = 1; restarts <= 3; restarts++) {
        const before = n;
        for (const name of names) await page.untilTold(name, `data.length > ${before}`);
        await server.destroy();
        servers = [];
        // They have noticed, and what comes meanwhile is not lost.
        for (const name of names) await page.untilTold(name, `retries >= ${restarts}`);
        server = await start(port);
      }
    } finally {
      clearInterval(writer);
    }
    await streams.append("s", [], { close: true });
    const numbers = Array.from({ length: n }, (_, index) => String(index));
    for (const name of names) {
      const { data, end } = await page.untilTold(name, "end !== undefined");
      expect([name, end, data]).toEqual([name, "ended", numbers]);
    }
    expect(asked.every(({ fields }) => fields.get("x-own") === "1")).toBe(true);
    expect(asked.filter(({ path }) => path === names[0]).length).toBeGreaterThanOrEqual(4);
  });

  test("throws the code of a stream that has failed, was trimmed, or is not there", async () => {
    const { url } = await start();
    await streams.append("f", ["last"], { failure: "out_of_words" });
    await streams.append("t", ["a", "b"]);
    await log.trim("t", { maxMessages: 1 });
    const page = await openPage(url);
    for (const query of ["", "?live=sse"]) {
      await page.run("f", `/v1/stream/f${query}`);
      expect(await page.untilTold("f", "end !== undefined")).toMatchObject({ data: ['"last"'], end: "out_of_words" });
      await page.run("t", `/v1/stream/t${query}`, { after: "0000000000000000_0000000000000000" });
      expect(await page.untilTold("t", "end !== undefined")).toMatchObject({ data: [], end: "trimmed" });
      await page.run("x", `/v1/stream/x${query}`);
      expect(await page.untilTold("x", "end !== undefined")).toMatchObject({ data: [], end: "refused" });
    }
  });

  test("posts, with fields of its own, and goes on behind the last id", async () => {
    const { url } = await start();
    const page = await openPage(url);
    await page.run("m", "/model", { method: "POST", body: '{"stream":true}', headers: { Authorization: "Bearer 1" } });
    const { data, end } = await page.untilTold("m", "end !== undefined");
    expect([data, end]).toEqual([["word 1", "word 2", "word 3"], "ended"]);
    expect(asked.map(({ body, fields }) => [body, fields.get("authorization"), fields.get("last-event-id")])).toEqual(
      [null, "1", "2", "3"].map((id) => ['{"stream":true}', "Bearer 1", id]),
    );
  });

  test("follows a stream of another origin, and goes on there", async () => {
    const other = await start();
    await streams.append("s", [1]);
    const page = await openPage((await start()).url);
    await page.run("s", `${other.url.replace(/\/$/u, "")}/v1/stream/s`);
    await page.untilTold("s", "data.length === 1");
    (other.server as Server).closeAllConnections();
    await streams.append("s", [2], { close: true });
    const { data, end } = await page.untilTold("s", "end !== undefined");
    expect([data, end]).toEqual([["1", "2"], "ended"]);
    await until(() => asked.some(({ method }) => method === "OPTIONS"), "a question before");
  });
});
