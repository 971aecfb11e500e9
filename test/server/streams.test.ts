import { get } from "node:http";
import { join } from "node:path";
import { type RunningServer, serve } from "sluice/node";
import { describe, expect, test } from "vitest";
import { createApp } from "../../src/server/app.ts";
import type { Settings } from "../../src/server/config/settings.ts";
import { type OpenStreams, openStreams } from "../../src/server/streams/open-streams.ts";
import { Sluice } from "../cli/sluice.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { EventReader } from "../streams/support/event-reader.ts";

watchReports();
const folder = temporaryFolder();

interface Served extends AsyncDisposable {
  readonly url: string;
  readonly server: RunningServer;
  readonly open: OpenStreams | undefined;
}

/** The server's routes with a log, or without. */
async function start(log: string | undefined, limits: Settings["limits"] = {}, port = 0): Promise<Served> {
  const open = await openStreams({ log, limits } as Settings);
  const app = createApp({ streams: open?.streams });
  const server = await serve((request) => app.fetch(request), { port });
  return {
    url: `${server.url}/v1/stream`,
    server,
    open,
    async [Symbol.asyncDispose]() {
      await server.destroy();
      await open?.[Symbol.asyncDispose]();
    },
  };
}

let files = 0;
const logs: [kind: string, url: () => string][] = [
  ["memory:", () => "memory:"],
  ["sqlite:", () => `sqlite:${join(folder.path, String(++files), "streams.db")}`],
];
const TEXT = { "Content-Type": "text/plain" };

describe.each(logs)("streams on a log %s", (_kind, logUrl) => {
  test("are made, written, read and followed", async () => {
    await using served = await start(logUrl());
    const url = `${served.url}/a/b%20c%2F..%2Fd`;
    expect((await fetch(url)).status).toBe(404);
    const made = await fetch(url, { method: "PUT", headers: TEXT, body: "one " });
    expect([made.status, made.headers.get("Location")]).toEqual([201, url]);
    using reader = new EventReader(url);
    const following = reader.follow();
    await reader.sees(1);
    expect((await fetch(url, { method: "POST", headers: TEXT, body: "two" })).status).toBe(204);
    await reader.sees(2);
    expect(await (await fetch(url)).text()).toBe("one two");
    expect((await fetch(url, { method: "HEAD" })).headers.get("Stream-Next-Offset")).toBe(reader.lastEventId);
    const other = `${served.url}/other`;
    await fetch(other, { method: "PUT", headers: TEXT, body: "x" });
    using merged = new EventReader(`${served.url}?stream=${encodeURIComponent("a/b c/../d")}&stream=other`);
    void merged.connect();
    await merged.sees(3);
    expect((await fetch(url, { method: "POST", headers: { "Stream-Closed": "true" } })).status).toBe(204);
    expect(await within(following, "the end")).toBe(204);
    expect(reader.data).toEqual(["one ", "two"]);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(204);
    expect((await fetch(url)).status).toBe(404);
  });

  test("have the limits of the configuration", async () => {
    await using served = await start(logUrl(), { maxMessageBytes: 100, stallTimeoutMs: 60_000 });
    const url = `${served.url}/s`;
    await fetch(url, { method: "PUT", headers: TEXT });
    const post = (bytes: number): Promise<Response> =>
      fetch(url, { method: "POST", headers: TEXT, body: "x".repeat(bytes) });
    expect((await post(101)).status).toBe(413);
    expect(await (await fetch(url)).text()).toBe("");
    expect((await post(100)).status).toBe(204);
  });

  test("end their readers' connections when the server closes, who are told when to come back", async () => {
    const log = logUrl();
    const served = await start(log);
    const url = `${served.url}/s`;
    await fetch(url, { method: "PUT", headers: TEXT, body: "before" });
    using plain = new EventReader(url);
    using durable = new EventReader(`${url}?offset=-1&live=sse`);
    const ends = Promise.all([plain, durable].map((reader) => reader.connect()));
    await plain.sees(1);
    await durable.sees(2);
    const polled = fetch(`${url}?offset=now&live=long-poll`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closedAt = performance.now();
    // As long as he asks, he is answered.
    await served.open!.streams.close();
    await served.server.close({ graceMs: 5_000 });
    expect(performance.now() - closedAt).toBeLessThan(3_000);
    expect(await ends).toEqual([
      { status: 200, isClean: true },
      { status: 200, isClean: true },
    ]);
    const answer = await polled;
    expect([answer.status, answer.headers.get("Stream-Next-Offset")]).toEqual([204, plain.lastEventId]);
    for (const reader of [plain, durable]) expect(reader.retries.length).toBe(1);
    await served.open![Symbol.asyncDispose]();
    if (log === "memory:") return;
    await using again = await start(log, {}, served.server.port);
    const following = plain.follow();
    expect((await fetch(`${again.url}/s`, { method: "POST", headers: TEXT, body: "after" })).status).toBe(204);
    await plain.sees(2);
    await fetch(`${again.url}/s`, { method: "POST", headers: { "Stream-Closed": "true" } });
    expect(await within(following, "the end")).toBe(204);
    expect(plain.data).toEqual(["before", "after"]);
  });
});

test.each(["/v1/stream", "/v1/stream/s", "/v1/stream/?stream=s"])(
  "without a log there is nothing at %s",
  async (path) => {
    await using served = await start(undefined);
    for (const method of ["GET", "PUT", "POST", "DELETE"]) {
      const answer = await fetch(`${served.server.url}${path}`, { method });
      expect([answer.status, answer.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
    }
  },
);

test("a server that is told to end by a signal ends its readers' connections", { timeout: 30_000 }, async () => {
  const log = `sqlite:${join(folder.path, "signal", "streams.db")}`;
  await using sluice = new Sluice(["serve", "--port", "0", "--log", log]);
  const url = `${await sluice.listening()}/v1/stream/s`;
  await fetch(url, { method: "PUT", headers: TEXT, body: "one" });
  using reader = new EventReader(url);
  const connection = reader.connect();
  await reader.sees(1);
  sluice.kill("SIGTERM");
  expect(await within(connection, "the end")).toEqual({ status: 200, isClean: true });
  expect(await sluice.end()).toBe(0);
  await until(() => reader.retries.length === 1, "when to come back");
});

test(
  "a server that is told to end answers idle long polls, and does not wait for them",
  { timeout: 30_000 },
  async () => {
    await using sluice = new Sluice(["serve", "--port", "0", "--log", "memory:"]);
    const url = `${await sluice.listening()}/v1/stream/s`;
    const made = await fetch(url, { method: "PUT", headers: TEXT });
    const offset = made.headers.get("Stream-Next-Offset")!;
    let isSent = false;
    const poll = new Promise<number | undefined>((resolve, reject) => {
      get(`${url}?offset=${offset}&live=long-poll`, { agent: false }, ({ statusCode }) => resolve(statusCode))
        .on("error", reject)
        .on("finish", () => (isSent = true));
    });
    await until(() => isSent, "the request");
    // The server has it when it answers the next one.
    await fetch(url, { method: "HEAD" });
    const toldAt = performance.now();
    sluice.kill("SIGTERM");
    expect(await within(poll, "its answer")).toBe(204);
    expect(await sluice.end()).toBe(0);
    // The grace is 10 s.
    expect(performance.now() - toldAt).toBeLessThan(5_000);
  },
);
