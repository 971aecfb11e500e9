import { eventStreamResponse, streamingResponse } from "sluice";
import { type FetchHandler, serve } from "sluice/node";
import { expect, it } from "vitest";
import { selfSigned } from "../helpers/certificate.ts";
import { Connection, get } from "./support/connection.ts";
import { lapse, until } from "./support/deadline.ts";
import { requestHttp2 } from "./support/readers.ts";

const STALL_TIMEOUT_MS = 400;
const block = Buffer.alloc(64 * 1024, "x");
const MORE_THAN_A_KERNEL_TAKES = 64 * 2 ** 20;

class Watched {
  lastPullAt = 0;
  aborted = false;
  finished: { outcome: string; atMs: number } | undefined;

  *source(signal: AbortSignal, items = Infinity): Generator<Buffer> {
    signal.addEventListener("abort", () => (this.aborted = true));
    for (let index = 0; index < items; index++) {
      this.lastPullAt = performance.now();
      yield block;
    }
  }

  async *texts(signal: AbortSignal): AsyncGenerator<string> {
    for (const bytes of this.source(signal)) yield bytes.toString("latin1");
  }

  readonly init = {
    stallTimeoutMs: STALL_TIMEOUT_MS,
    onFinish: ({ outcome }: { outcome: string }): void => {
      this.finished = { outcome, atMs: performance.now() };
    },
  };
}

type Make = (watched: Watched, request: Request) => Response;

const endless: Make = (watched) => streamingResponse(({ signal }) => watched.source(signal), watched.init);
const withLength: Make = (watched) =>
  streamingResponse(({ signal }) => watched.source(signal), {
    ...watched.init,
    contentLength: MORE_THAN_A_KERNEL_TAKES,
  });
const events: Make = (watched, request) =>
  eventStreamResponse(request, ({ signal }) => watched.texts(signal), watched.init);
const compressed: Make = (watched) =>
  streamingResponse(({ signal }) => noise(watched.source(signal)), { ...watched.init, compress: true });
const oneItem: Make = (watched) => streamingResponse(({ signal }) => oneLarge(watched.source(signal, 1)), watched.init);

function* noise(source: Generator<Buffer>): Generator<Buffer> {
  const bytes = crypto.getRandomValues(new Uint8Array(block.length));
  for (const _ of source) yield Buffer.from(bytes);
}

function* oneLarge(source: Generator<Buffer>): Generator<Buffer> {
  for (const _ of source) yield Buffer.alloc(MORE_THAN_A_KERNEL_TAKES, "x");
}

const answer =
  (watched: Watched, make: Make): FetchHandler =>
  (request) =>
    make(watched, request);

async function isCut(watched: Watched): Promise<void> {
  await until(() => watched.finished, "the cut of a reader that takes nothing", 10_000);
  expect(watched.finished!.outcome).toBe("stalled");
  expect(watched.aborted, "the source's signal was aborted").toBe(true);
  const waitedMs = watched.finished!.atMs - watched.lastPullAt;
  expect(waitedMs).toBeGreaterThan(STALL_TIMEOUT_MS - 5);
}

it.each<[string, Make, { version?: string; tls?: boolean; complete: string }]>([
  ["HTTP/1.1 in chunks", endless, { complete: "\r\n0\r\n\r\n" }],
  ["HTTP/1.1 with a length", withLength, { complete: "never" }],
  ["HTTP/1.0", endless, { version: "1.0", complete: "never" }],
  ["HTTP/1.1 under TLS", endless, { tls: true, complete: "\r\n0\r\n\r\n" }],
  ["an event stream", events, { complete: "\r\n0\r\n\r\n" }],
  ["compressed", compressed, { complete: "\r\n0\r\n\r\n" }],
  ["one large item", oneItem, { complete: "\r\n0\r\n\r\n" }],
])("cuts a reader that takes nothing, after stallTimeoutMs: %s", async (_, make, { version, tls, complete }) => {
  const watched = new Watched();
  await using server = await serve(answer(watched, make), { port: 0, ...(tls ? { tls: selfSigned() } : {}) });
  const request = get("/", { "Accept-Encoding": "gzip" }, version);
  using reader = await Connection.open(server.port, request, { paused: true, ...(tls ? { tls } : {}) });
  await isCut(watched);
  // What the kernels still hold does not look complete either.
  reader.resume();
  await until(() => reader.ended, "the end of the connection");
  expect(reader.bytes.subarray(-8).toString("latin1")).not.toContain(complete);
  expect(reader.count).toBeLessThan(MORE_THAN_A_KERNEL_TAKES);
  if (version === "1.0") expect(reader.ended).toBe("RST");
});

it("cuts a reader that takes nothing, after stallTimeoutMs: HTTP/2", async () => {
  const watched = new Watched();
  await using server = await serve(answer(watched, endless), { port: 0, tls: selfSigned() });
  using reader = await requestHttp2(server.url, "/");
  await isCut(watched);
  await until(() => reader.stream.closed, "the reset of the stream");
  expect(reader.stream.rstCode).toBe(2);
  expect(reader.session.closed, "others on the connection are not cut").toBe(false);
});

it("does not cut a reader that stops again and again, for less than stallTimeoutMs each time", async () => {
  const watched = new Watched();
  await using server = await serve(answer(watched, endless), { port: 0 });
  using reader = await Connection.open(server.port, get("/"), { keep: false });
  for (let round = 0; round < 5; round++) {
    reader.pause();
    await lapse(STALL_TIMEOUT_MS / 2);
    const before = reader.count;
    reader.resume();
    await reader.receives(before + 8_000_000);
  }
  expect(watched.finished).toBe(undefined);
});
