import { createParser } from "eventsource-parser";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { selfSigned } from "../helpers/certificate.ts";
import { type Child, startChild } from "./support/child.ts";
import { Connection, get } from "./support/connection.ts";
import { until, within } from "./support/deadline.ts";
import { requestHttp2 } from "./support/readers.ts";
import { ran, scaled } from "./support/scale.ts";

const GRACE_MS = 1500;
const READERS = 30;
const DOWNLOAD = Array.from({ length: 20 }, (_, part) => `part ${part}\n`.repeat(5000)).join("");

function startServer(argument: object = {}): Promise<Child> {
  return startChild(new URL("./servers/draining.ts", import.meta.url), {
    argument: { graceMs: GRACE_MS, ...argument },
  });
}

/** Sends SIGTERM; resolves with the exit code and how long it took, in ms. */
async function terminate(server: Child): Promise<{ code: number | string; ms: number }> {
  const startedAt = performance.now();
  server.process.kill("SIGTERM");
  const code = await within(server.exited, "the exit of the server", GRACE_MS + 5000);
  return { code, ms: performance.now() - startedAt };
}

/** The body of an answer in chunks; `complete` where its last chunk has come. */
function unchunk({ bytes }: Connection): { body: string; complete: boolean } {
  let at = bytes.indexOf("\r\n\r\n") + 4;
  const parts: Buffer[] = [];
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return { body: Buffer.concat(parts).toString(), complete: false };
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (size === 0) return { body: Buffer.concat(parts).toString(), complete: true };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

function lastRetry(body: string): number {
  return Number(/retry: (\d+)\n\n$/u.exec(body)?.[1]);
}

it("lets event streams end, downloads complete, and cuts what is endless when the grace is over", async () => {
  await using server = await startServer();
  const open = (target: string): Promise<Connection> => Connection.open(server.port, get(target));
  const readers = await Promise.all(Array.from({ length: READERS }, () => open("/events")));
  const download = await open("/download");
  const endless = await open("/endless");
  for (const connection of [...readers, download, endless]) await connection.receives(300);

  const startedAt = performance.now();
  const exit = terminate(server);
  await until(() => readers.every(({ ended }) => ended), "the end of the event streams");
  const readersMs = performance.now() - startedAt;
  // Nobody new is let in.
  const refused = new Promise((resolve) => connect(server.port, "127.0.0.1").once("error", resolve));
  expect(await within(refused, "the refusal")).toMatchObject({ code: "ECONNREFUSED" });
  await until(() => download.ended, "the end of the download");
  expect(endless.ended, "what is endless is left alone in the grace").toBe(undefined);
  const { code, ms } = await exit;
  await until(() => endless.ended, "the end of the endless one");

  const retries = readers.map((reader) => {
    const { body, complete } = unchunk(reader);
    expect(complete, "an event stream's end is clean").toBe(true);
    return lastRetry(body);
  });
  ran(
    `drained ${READERS} event streams in ${readersMs.toFixed(0)} ms, told to come back in ` +
      `${Math.min(...retries)} to ${Math.max(...retries)} ms; exit after ${ms.toFixed(0)} ms of ${GRACE_MS} ms grace`,
  );
  expect(readersMs).toBeLessThan(1000);
  // 1000 ms where nothing else was said, and up to three times that.
  expect(Math.min(...retries)).toBeGreaterThanOrEqual(1000);
  expect(Math.max(...retries)).toBeLessThanOrEqual(3000);
  expect(new Set(retries).size, "spread").toBeGreaterThan(READERS / 2);
  expect(unchunk(download)).toEqual({ body: DOWNLOAD, complete: true });
  expect(unchunk(endless).complete, "an endless body's cut is visible").toBe(false);
  expect(code).toBe(0);
  expect(ms).toBeGreaterThan(GRACE_MS - 50);
  expect(ms).toBeLessThan(GRACE_MS + 1000);
  const outcomes = server.stderr.trim().split("\n").toSorted();
  expect(outcomes).toEqual([
    "/download completed",
    "/endless drained",
    ...Array<string>(READERS).fill("/events drained"),
  ]);
});

describe("a server without anything to wait for", () => {
  it("exits at once, whatever its clients keep open", async () => {
    await using server = await startServer();
    using events = await Connection.open(server.port, get("/events"));
    using keptAlive = await Connection.open(server.port, get("/ping"));
    await keptAlive.sees("pong");
    await events.receives(300);
    const { code, ms } = await terminate(server);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1000);
  });

  it("exits at once under TLS, on HTTP/1.1 and HTTP/2", async () => {
    await using server = await startServer({ tls: selfSigned() });
    const url = server.url.replace("http:", "https:");
    using keptAlive = await Connection.open(server.port, get("/ping"), { tls: true });
    await keptAlive.sees("pong");
    using http2 = await requestHttp2(url, "/events");
    let text = "";
    let ended = false;
    http2.stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    http2.stream.on("end", () => (ended = true));
    await until(() => text.includes("event 1"), "the first event");
    const { code, ms } = await terminate(server);
    expect(ended, "a clean end on HTTP/2").toBe(true);
    expect(lastRetry(text)).toBeGreaterThanOrEqual(1000);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(1000);
  });

  it("exits within the grace where clients connected and said nothing", async () => {
    await using server = await startServer();
    using _silent = await Connection.open(server.port, "");
    using _halfSaid = await Connection.open(server.port, "GET / HTTP/1.1\r\n");
    const { code, ms } = await terminate(server);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(GRACE_MS + 1000);
  });
});

describe("readers of events that come back after a restart", () => {
  /** Follows from where it is; resolves when the server has ended the stream. */
  async function follow(server: Child, ids: number[]): Promise<void> {
    const last = ids.at(-1);
    const fields: Record<string, string> = last === undefined ? {} : { "Last-Event-ID": String(last) };
    using connection = await Connection.open(server.port, get("/events", fields));
    await until(() => connection.ended, "the end of the stream");
    const { body, complete } = unchunk(connection);
    expect(complete).toBe(true);
    const parser = createParser({
      onEvent: ({ id, data }) => {
        expect(data).toBe(`event ${id}`);
        ids.push(Number(id));
      },
      onError: (error) => expect.unreachable(`not an event stream: ${error.message}`),
    });
    parser.feed(body);
  }

  it("lose nothing and get nothing twice", { timeout: 60_000 }, async () => {
    const restarts = scaled(4, 20);
    const readers = Array.from({ length: 5 }, (): number[] => []);
    for (let restart = 0; restart < restarts; restart++) {
      await using server = await startServer();
      const following = readers.map((ids) => follow(server, ids));
      await until(async () => (await server.ask("active")) === readers.length, "all readers");
      // Somewhere in a burst.
      await new Promise((resolve) => setTimeout(resolve, 20 + 13 * restart));
      const { code } = await terminate(server);
      expect(code).toBe(0);
      await Promise.all(following);
    }
    ran(`${restarts} restarts: ${readers.map((ids) => ids.length).join(", ")} events by ${readers.length} readers`);
    for (const ids of readers) {
      expect(ids.length).toBeGreaterThan(restarts);
      expect(ids).toEqual(Array.from(ids, (_, index) => index + 1));
    }
  });
});
