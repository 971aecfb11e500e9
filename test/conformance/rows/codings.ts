import { createBrotliDecompress, createGunzip, createZstdDecompress } from "node:zlib";
import { budget, eventStreamResponse, streamingResponse } from "sluice";
import { expect, it } from "vitest";
import { until } from "../../helpers/deadline.ts";
import { Probe } from "../../helpers/probe.ts";
import type { WireAnswer } from "../../helpers/wire-client.ts";
import type { Wire } from "../wire.ts";

const CODINGS = ["gzip", "br", "zstd"] as const;
const TEXT = Array.from({ length: 2000 }, (_, index) => `line ${index} of the text\n`);

/** What has been decoded of an answer so far; reads on until `isEnough`, or to the end. */
async function decode(
  coding: (typeof CODINGS)[number],
  answer: WireAnswer,
  isEnough?: (text: string) => boolean,
): Promise<string> {
  const decoder = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress }[coding]();
  let text = "";
  let ended = false;
  let error: unknown;
  decoder.on("data", (chunk: Buffer) => (text += chunk.toString()));
  decoder.on("end", () => (ended = true));
  decoder.on("error", (thrown) => (error = thrown));
  for (;;) {
    const chunk = await answer.read();
    if (chunk === undefined) break;
    await new Promise<void>((resolve) => decoder.write(chunk, () => resolve()));
    if (isEnough?.(text)) return text;
  }
  decoder.end();
  await until(() => ended || error !== undefined, "the end of the coded body");
  if (error) throw error as Error;
  return text;
}

/** Bodies that are compressed on their way. */
export function codingRows(wire: Wire): void {
  const accepting = (coding: string): { headers: Record<string, string> } => ({
    headers: { "Accept-Encoding": coding },
  });
  const text = (compress?: boolean, headers: Record<string, string> = {}): Response =>
    streamingResponse(new Probe().items(TEXT), {
      mediaType: "text/plain",
      headers,
      ...(compress === undefined ? {} : { compress }),
    });

  it.each(CODINGS)("%s decodes to the same bytes, and says what it is", async (coding) => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse(new Probe().items(TEXT), {
        mediaType: "text/plain",
        compress: true,
        headers: { ETag: '"strong"', Vary: "Origin", "Accept-Ranges": "bytes" },
        contentLength: Buffer.byteLength(TEXT.join("")),
        onFinish: probe.onFinish,
      }),
    );
    const answer = await wire.get(server, accepting(coding));
    expect(await decode(coding, answer)).toBe(TEXT.join(""));
    expect(answer.headers).toMatchObject({
      "content-encoding": coding,
      vary: "Origin, Accept-Encoding",
      etag: 'W/"strong"',
    });
    expect(answer.headers["content-length"]).toBeUndefined();
    expect(answer.headers["accept-ranges"]).toBeUndefined();
    const { outcome, bytes } = await probe.untilOutcome();
    expect(outcome).toBe("completed");
    expect(bytes).toBeLessThan(Buffer.byteLength(TEXT.join("")));
  });

  it.each(CODINGS)("%s is flushed with every write: no item waits for the next", async (coding) => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse((context) => probe.idle(["the first"], context), {
        mediaType: "text/plain",
        compress: true,
        onFinish: probe.onFinish,
      }),
    );
    const answer = await wire.get(server, accepting(coding));
    expect(await decode(coding, answer, (seen) => seen === "the first")).toBe("the first");
    answer.leave();
    await probe.untilOutcome();
  });

  it("is the one that the client likes best", async () => {
    await using server = await wire.start(() => text(true));
    for (const [accepted, chosen] of [
      ["gzip, br;q=0.5", "gzip"],
      ["gzip, deflate, br, zstd", "zstd"],
      ["gzip;q=0", undefined],
      ["identity, gzip;q=0.5", undefined],
      ["deflate", undefined],
    ] as const) {
      const answer = await wire.get(server, accepting(accepted));
      expect(answer.headers["content-encoding"]).toBe(chosen);
      await answer.readAll();
    }
  });

  it("is none where the client asks for none", async () => {
    await using server = await wire.start(() => text(true));
    const answer = await wire.get(server);
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect((await answer.readAll()).toString()).toBe(TEXT.join(""));
  });

  it("is the listener's to decide where the response says nothing, for types that are worth it", async () => {
    const respond: Record<string, () => Response> = {
      text: () => text(),
      refused: () => text(false),
      binary: () => streamingResponse(new Probe().items(TEXT)),
      partial: () => streamingResponse(new Probe().items(TEXT), { mediaType: "text/plain", status: 206 }),
      range: () => text(undefined, { "Content-Range": "bytes 0-1/2" }),
      coded: () => text(undefined, { "Content-Encoding": "x-own" }),
      untransformable: () => text(undefined, { "Cache-Control": "private, no-transform" }),
      foreign: () => new Response(TEXT.join("")),
      json: () => Response.json(TEXT),
      small: () => new Response("small"),
      events: () => eventStreamResponse(new Request("http://localhost/"), TEXT),
    };
    await using server = await wire.start((request) => respond[request.headers.get("X-What")!]!(), { compress: true });
    const coded: string[] = [];
    for (const what of Object.keys(respond)) {
      const answer = await wire.get(server, { headers: { "Accept-Encoding": "gzip", "X-What": what } });
      if (answer.headers["content-encoding"] === "gzip") coded.push(what);
      await answer.readAll();
    }
    expect(coded).toEqual(["text", "foreign", "json"]);
  });

  it("is never put on a part of a representation, or on bytes that are coded, even where it is asked for", async () => {
    await using server = await wire.start((request) =>
      request.headers.get("X-What") === "partial"
        ? streamingResponse(TEXT, { compress: true, status: 206, mediaType: "text/plain" })
        : text(true, { "Content-Encoding": "x-own" }),
    );
    for (const [what, coding] of [
      ["partial", undefined],
      ["coded", "x-own"],
    ] as const) {
      const answer = await wire.get(server, { headers: { "Accept-Encoding": "gzip", "X-What": what } });
      expect(answer.headers["content-encoding"]).toBe(coding);
      await answer.readAll();
    }
  });

  it("is put on an event stream where it is asked for, event by event", async () => {
    const probe = new Probe();
    await using server = await wire.start((request) =>
      eventStreamResponse(request, (context) => probe.idle(["a"], context), {
        compress: true,
        onFinish: probe.onFinish,
      }),
    );
    const answer = await wire.get(server, accepting("gzip"));
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(await decode("gzip", answer, (seen) => seen.length > 0)).toBe("data: a\n\n");
    answer.leave();
    expect((await probe.untilOutcome()).outcome).toBe("aborted");
  });

  it("says Vary also where this client gets none", async () => {
    await using server = await wire.start(() => text(), { compress: true });
    for (const headers of [{}, { "Accept-Encoding": "identity" }, { "Accept-Encoding": "gzip" }]) {
      const answer = await wire.get(server, { headers });
      expect(answer.headers["vary"]).toBe("Accept-Encoding");
      await answer.readAll();
    }
  });

  it("is left out where the budget has no room for an encoder", async () => {
    const { maxBytes } = budget;
    await using server = await wire.start(() => text(true));
    try {
      budget.maxBytes = 100_000;
      const answer = await wire.get(server, accepting("br"));
      expect(answer.headers["content-encoding"]).toBeUndefined();
      expect(answer.headers["vary"]).toBe("Accept-Encoding");
      expect((await answer.readAll()).toString()).toBe(TEXT.join(""));
    } finally {
      budget.maxBytes = maxBytes;
    }
  });

  it("breaks visibly where the source fails", async () => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse(probe.failing(["the first"], new Error("broken")), {
        mediaType: "text/plain",
        compress: true,
        onFinish: probe.onFinish,
      }),
    );
    const answer = await wire.get(server, accepting("gzip"));
    await expect(answer.readAll()).rejects.toThrow();
    expect((await probe.untilOutcome()).outcome).toBe("failed");
    expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
  });

  it("is still held to the contentLength of what it is made of", async () => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse(new Probe().items(["four", "more"]), {
        contentLength: 4,
        mediaType: "text/plain",
        compress: true,
        onFinish: probe.onFinish,
      }),
    );
    const answer = await wire.get(server, accepting("gzip"));
    await expect(answer.readAll()).rejects.toThrow();
    expect((await probe.untilOutcome()).error).toMatchObject({ code: "ERR_CONTENT_LENGTH_EXCEEDED" });
    expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
  });

  it.each(CODINGS)("%s frees its encoder when the client leaves", async (coding) => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse((context) => probe.ticks("tick", 5, context), {
        mediaType: "text/plain",
        compress: true,
        onFinish: probe.onFinish,
      }),
    );
    const answer = await wire.get(server, accepting(coding));
    await answer.read();
    expect(budget.usedBytes).toBeGreaterThan(200_000);
    answer.leave();
    await probe.untilOutcome();
    expect(budget.usedBytes).toBe(0);
  });
}
