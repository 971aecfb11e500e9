import { streamingResponse } from "sluice";
import { serve } from "sluice/node";
import { describe, expect, it } from "vitest";
import { selfSigned } from "../helpers/certificate.ts";
import { Connection, get } from "./support/connection.ts";
import { lapse, until } from "./support/deadline.ts";
import { type PacedReader, readAtPace, readHttp2AtPace, requestHttp2 } from "./support/readers.ts";
import { SOAK, ran, scaled } from "./support/scale.ts";

const KIB = 1024;
const block = Buffer.alloc(64 * KIB, "x");

/** An endless body, and how long its reader has let it wait at most. */
class Watched {
  longestWaitMs = 0;
  outcome: string | undefined;
  #lastAt: number | undefined;

  *#endless(): Generator<Buffer> {
    for (;;) {
      const now = performance.now();
      if (this.#lastAt !== undefined) this.longestWaitMs = Math.max(this.longestWaitMs, now - this.#lastAt);
      this.#lastAt = now;
      yield block;
    }
  }

  response(stallTimeoutMs: number): Response {
    return streamingResponse(this.#endless(), {
      stallTimeoutMs,
      onFinish: ({ outcome }) => void (this.outcome = outcome),
    });
  }
}

async function readsOn(reader: PacedReader, watched: Watched, seconds: number): Promise<void> {
  await lapse(seconds * 1000);
  expect(reader.ended, "the reader was cut").toBe(false);
  expect(watched.outcome).toBe(undefined);
}

/**
 * The kernel lets a writer go on when a third of its send buffer is free (on Linux with its 4 MiB: about 1.5 MB), so a
 * reader of r bytes a second makes it wait 1.5 MB / r at a time: that is the shortest `stallTimeoutMs` for it.
 */
describe("a reader that is slow but steady", () => {
  const cases = SOAK
    ? [
        { bytesPerSecond: 32 * KIB, stallTimeoutMs: 90_000, seconds: 200 },
        { bytesPerSecond: 256 * KIB, stallTimeoutMs: 15_000, seconds: 40 },
      ]
    : [{ bytesPerSecond: 2048 * KIB, stallTimeoutMs: 3_000, seconds: 6 }];

  it.each(cases)(
    "is never cut: $bytesPerSecond bytes/s, stallTimeoutMs $stallTimeoutMs",
    { timeout: 260_000 },
    async ({ bytesPerSecond, stallTimeoutMs, seconds }) => {
      const watched = new Watched();
      await using server = await serve(() => watched.response(stallTimeoutMs), { port: 0 });
      using reader = readAtPace(server.port, get("/"), bytesPerSecond);
      await readsOn(reader, watched, seconds);
      ran(
        `${bytesPerSecond / KIB} KiB/s on HTTP/1.1 for ${seconds} s: its writer waited ` +
          `${(watched.longestWaitMs / 1000).toFixed(1)} s at most, of ${stallTimeoutMs / 1000} s`,
      );
      expect(watched.longestWaitMs, "it did make its writer wait").toBeGreaterThan(100);
    },
  );

  it(
    "is never cut on HTTP/2, where windows are small: 32 KiB/s, stallTimeoutMs 6000",
    { timeout: 60_000 },
    async () => {
      const watched = new Watched();
      const seconds = scaled(8, 40);
      await using server = await serve(() => watched.response(6_000), { port: 0, tls: selfSigned() });
      using reader = readHttp2AtPace(await requestHttp2(server.url, "/"), 32 * KIB);
      await readsOn(reader, watched, seconds);
      ran(
        `32 KiB/s on HTTP/2 for ${seconds} s: its writer waited ${(watched.longestWaitMs / 1000).toFixed(1)} s at most`,
      );
      expect(watched.longestWaitMs, "it did make its writer wait").toBeGreaterThan(100);
    },
  );
});

it("does not count the time in which the source gives nothing, also after the reader has made it wait", async () => {
  const stallTimeoutMs = 400;
  let outcome: string | undefined;
  let given = false;
  const source = async function* (): AsyncGenerator<Buffer> {
    // More than a connection takes whose reader sleeps.
    yield Buffer.alloc(32 * 2 ** 20, "x");
    given = true;
    await lapse(2 * stallTimeoutMs);
    yield Buffer.from("the end");
  };
  const onFinish = (result: { outcome: string }): void => void (outcome = result.outcome);
  await using server = await serve(() => streamingResponse(source(), { stallTimeoutMs, onFinish }), { port: 0 });
  using reader = await Connection.open(server.port, get("/"), { paused: true });
  await lapse(stallTimeoutMs / 2);
  expect(given, "the reader makes it wait").toBe(false);
  reader.resume();
  await until(() => outcome, "the outcome");
  expect(outcome).toBe("completed");
});
