import { DurableStream, IdempotentProducer, type JsonBatch, stream } from "@durable-streams/client";
import { describe, expect, test } from "vitest";
import { startStreams } from "../client/streams-server.ts";
import { until, within } from "../helpers/deadline.ts";

/** The protocol's own client, as it is published. It warns of HTTP without TLS in browsers only. */
const JSON_TYPE = "application/json";

interface Message {
  readonly n: number;
}

const numbersUntil = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** What is followed: the numbers that have come, and where to go on. */
interface Followed {
  readonly numbers: number[];
  readonly batches: JsonBatch<Message>[];
  offset: string;
}

const hasEnded = ({ batches }: Followed): boolean => batches.at(-1)?.streamClosed === true;

/** Follows until the stream is closed, or `signal` ends it. */
async function followAll(
  url: string,
  live: "long-poll" | "sse" | true,
  followed: Followed,
  signal?: AbortSignal,
): Promise<void> {
  const response = await stream<Message>({ url, offset: followed.offset, live, ...(signal ? { signal } : {}) });
  response.subscribeJson((batch) => {
    followed.numbers.push(...batch.items.map(({ n }) => n));
    followed.batches.push(batch);
    followed.offset = batch.offset;
  });
  await response.closed;
  // It resolves when all has come, and its subscriber may not have been told of it.
  if (!signal?.aborted) await until(() => hasEnded(followed), "the last batch");
}

const nothingYet = (): Followed => ({ numbers: [], batches: [], offset: "-1" });

describe("@durable-streams/client", () => {
  test("makes a stream, appends to it, reads it, asks for its head, closes and deletes it", async () => {
    await using server = await startStreams();
    const url = server.url("a/b");
    const handle = await DurableStream.create({ url, contentType: JSON_TYPE, ttlSeconds: 3600 });
    await handle.append(JSON.stringify({ n: 0 }));
    await Promise.all([1, 2].map((n) => handle.append(JSON.stringify({ n }), { seq: `${n}` })));
    const response = await handle.stream<Message>({ live: false });
    expect(await response.json()).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    expect([response.upToDate, response.streamClosed]).toEqual([true, false]);
    expect(await DurableStream.head({ url })).toMatchObject({
      exists: true,
      contentType: JSON_TYPE,
      offset: response.offset,
      streamClosed: false,
    });
    const { finalOffset } = await handle.close({ body: JSON.stringify({ n: 3 }) });
    expect(await DurableStream.head({ url })).toMatchObject({ offset: finalOffset, streamClosed: true });
    await expect(handle.append(JSON.stringify({ n: 4 }))).rejects.toMatchObject({ status: 409 });
    const rest = await stream<Message>({ url, offset: response.offset, live: false });
    expect([await rest.json(), rest.streamClosed]).toEqual([[{ n: 3 }], true]);
    await handle.delete();
    expect(await DurableStream.head({ url })).toEqual({ exists: false });
    await expect(stream({ url })).rejects.toMatchObject({ status: 404 });
  });

  test("writes text and bytes, also from a pipe, and reads them back", async () => {
    await using server = await startStreams();
    const text = await DurableStream.create({ url: server.url("t"), contentType: "text/plain" });
    const parts = ["€ one\n", "two", " three"];
    await text.appendStream(ReadableStream.from(parts));
    expect(await (await text.stream({ live: false })).text()).toBe(parts.join(""));
    const bytes = await DurableStream.create({ url: server.url("b"), contentType: "image/png" });
    const content = Uint8Array.from({ length: 256 }, (_, index) => index);
    await bytes.append(content);
    await bytes.close();
    for (const live of [false, "long-poll", "sse"] as const) {
      const response = await bytes.stream({ live, offset: "-1" });
      expect([live, await within(response.body(), "the bytes")]).toEqual([live, content]);
    }
  });

  test.each(["long-poll", "sse", true] as const)("follows live (%s) until the stream is closed", async (live) => {
    await using server = await startStreams({ longPollTimeoutMs: 50, sseMaxAgeMs: 150 });
    const url = server.url("s");
    const handle = await DurableStream.create({ url, contentType: JSON_TYPE });
    const followed = nothingYet();
    const following = followAll(url, live, followed);
    for (const n of numbersUntil(20)) {
      await handle.append(JSON.stringify({ n }));
      await until(() => followed.numbers.length > n, `message ${n}`);
      // Some waits and some connections end with nothing new.
      if (n === 10) {
        const asked = server.asked.length;
        await until(() => server.asked.length > asked + 1, "another request");
      }
    }
    await handle.close();
    await within(following, "the end");
    expect(followed.numbers).toEqual(numbersUntil(20));
    expect(followed.batches.at(-1)).toMatchObject({ streamClosed: true, upToDate: true });
  });

  test.each(["long-poll", "sse"] as const)("goes on behind the offset where it was ended (%s)", async (live) => {
    await using server = await startStreams({ maxPageBytes: 40 });
    const url = server.url("s");
    const handle = await DurableStream.create({ url, contentType: JSON_TYPE });
    const followed = nothingYet();
    for (let run = 0; run < 5; run++) {
      for (const n of numbersUntil(10)) await handle.append(JSON.stringify({ n: run * 10 + n }));
      const controller = new AbortController();
      const following = followAll(url, live, followed, controller.signal).catch(() => {});
      await until(() => followed.numbers.length > run * 10 + 4, "some messages");
      controller.abort();
      await within(following, "the end");
    }
    await handle.close();
    await within(followAll(url, live, followed), "the rest");
    expect(followed.numbers).toEqual(numbersUntil(50));
  });
});

describe("its idempotent producer", () => {
  test("appends each message once, though answers are lost", { timeout: 30_000 }, async () => {
    await using server = await startStreams();
    const url = server.url("s");
    await DurableStream.create({ url, contentType: JSON_TYPE });
    let losses = 0;
    // What was sent has come, but the answer is lost: it is sent again.
    const lossy: typeof fetch = async (input, init) => {
      for (;;) {
        const answer = await fetch(input, init);
        if (Math.random() > 0.3) return answer;
        losses++;
      }
    };
    const handle = new DurableStream({ url, contentType: JSON_TYPE });
    const errors: Error[] = [];
    const producer = new IdempotentProducer(handle, "p", {
      maxBatchBytes: 200,
      lingerMs: 1,
      onError: (error) => void errors.push(error),
      fetch: lossy,
    });
    for (const n of numbersUntil(500)) producer.append(JSON.stringify({ n }));
    await within(producer.flush(), "all appends", 25_000);
    expect(errors).toEqual([]);
    const { finalOffset } = await producer.close(JSON.stringify({ n: 500 }));
    const response = await stream<Message>({ url, live: false });
    expect((await response.json()).map(({ n }) => n)).toEqual(numbersUntil(501));
    expect([response.offset, response.streamClosed]).toEqual([finalOffset, true]);
    expect(losses).toBeGreaterThan(0);
  });

  test("is fenced off by a later epoch, which it can claim", async () => {
    await using server = await startStreams();
    const url = server.url("s");
    const handle = await DurableStream.create({ url, contentType: "text/plain" });
    const errors: Error[] = [];
    const first = new IdempotentProducer(handle, "p", { onError: (error) => void errors.push(error) });
    first.append("a");
    await first.flush();
    const second = new IdempotentProducer(handle, "p", { epoch: 1 });
    second.append("b");
    await second.flush();
    first.append("lost");
    await first.flush().catch(() => {});
    expect(errors).toMatchObject([{ name: "StaleEpochError", currentEpoch: 1 }]);
    const third = new IdempotentProducer(handle, "p", { autoClaim: true });
    third.append("c");
    await third.flush();
    expect([await (await handle.stream({ live: false })).text(), third.epoch]).toEqual(["abc", 2]);
  });
});
