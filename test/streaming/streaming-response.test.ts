import { Readable } from "node:stream";
import { describe, expect, it, vi } from "vitest";
import { type StreamingInit, streamingResponse } from "../../src/streaming/streaming-response.ts";
import { checkBudget } from "../helpers/budget-check.ts";
import { Probe } from "../helpers/probe.ts";
import { turns } from "../helpers/pump-rig.ts";
import { watchReports } from "../helpers/reports.ts";

checkBudget();
watchReports();

describe("a streaming response", () => {
  it("has a type, a status, a name and fields", async () => {
    const response = streamingResponse(["é"], {
      mediaType: "text/csv",
      status: 203,
      filename: "a.csv",
      headers: { "X-Own": "1" },
    });
    expect(response.status).toBe(203);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": 'attachment; filename="a.csv"',
      "x-own": "1",
    });
    expect(await response.text()).toBe("é");
  });

  it("is of bytes unless it is told otherwise", () => {
    const response = streamingResponse([]);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({ "content-type": "application/octet-stream" });
  });

  it("says its contentLength", async () => {
    const response = streamingResponse(["é"], { contentLength: 2 });
    expect(response.headers.get("Content-Length")).toBe("2");
    expect(await response.text()).toBe("é");
  });

  it("sends values as lines of JSON where its type says so", async () => {
    const response = streamingResponse([{ a: 1 }, 5, "raw\n"], { mediaType: "application/jsonl" });
    expect(await response.text()).toBe('{"a":1}\n5\nraw\n');
  });

  it.each([
    ["a string", "text"],
    ["bytes", new Uint8Array(3)],
    ["nothing", undefined],
    ["null", null],
    ["a number", 5],
    ["a promise", Promise.resolve([])],
    ["an object", {}],
  ])("refuses %s for a source", (_kind, source) => {
    expect(() => streamingResponse(source as never)).toThrow(expect.objectContaining({ code: "ERR_SOURCE_TYPE" }));
  });

  it.each<[string, StreamingInit]>([
    ["a negative contentLength", { contentLength: -1 }],
    ["half a byte", { contentLength: 0.5 }],
    ["a contentLength with trailers", { contentLength: 1, trailers: () => ({}) }],
    ["a contentLength with a digest", { contentLength: 1, digest: true }],
    ["a status without a body", { status: 204 }],
    ["a time that is none", { stallTimeoutMs: -1 }],
  ])("refuses %s", (_what, init) => {
    expect(() => streamingResponse([], init)).toThrow(expect.objectContaining({ code: "ERR_INVALID_OPTION" }));
  });

  it("runs nothing before it is read", async () => {
    const make = vi.fn(() => ["a"]);
    const probe = new Probe();
    const responses = [streamingResponse(make), streamingResponse(probe.items(["a"]))];
    await turns(3);
    expect(make).not.toHaveBeenCalled();
    expect(probe.pulled).toBe(0);
    for (const response of responses) expect(await response.text()).toBe("a");
    expect(make).toHaveBeenCalledTimes(1);
  });

  it("lets go of its source where it is cancelled before it is read", async () => {
    const readable = Readable.from(["a"]);
    const probe = new Probe();
    const cancel = vi.fn();
    await streamingResponse(readable).body!.cancel();
    await streamingResponse(new ReadableStream({ cancel })).body!.cancel();
    await streamingResponse(["a"], { onFinish: probe.onFinish }).body!.cancel();
    expect(readable.destroyed).toBe(true);
    expect(cancel).toHaveBeenCalledTimes(1);
    expect(probe.outcome).toMatchObject({ outcome: "discarded", bytes: 0 });
  });

  it("fails with what its source yields and it cannot send, and closes the source", async () => {
    const probe = new Probe();
    const response = streamingResponse(
      (async function* () {
        try {
          yield "a";
          yield { an: "object" };
        } finally {
          probe.finished = true;
        }
      })(),
      { onFinish: probe.onFinish },
    );
    await expect(response.text()).rejects.toMatchObject({ code: "ERR_ITEM_TYPE" });
    await probe.untilFinished();
    expect(probe.outcome).toMatchObject({
      outcome: "failed",
      error: expect.objectContaining({ code: "ERR_ITEM_TYPE" }) as Error,
    });
  });

  it("keeps the contentLength that is given as a field", async () => {
    for (const length of ["3", "5"]) {
      const response = streamingResponse(["some"], { headers: { "Content-Length": length } });
      await expect(response.text()).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_CONTENT_LENGTH/u) as string,
      });
    }
    expect(await streamingResponse(["some"], { headers: { "content-length": "4" } }).text()).toBe("some");
  });

  it.each(["1e3", "+4", "4, 4", "-1", "abc", ""])("refuses a Content-Length field of %j", (length) => {
    expect(() => streamingResponse(["some"], { headers: { "Content-Length": length } })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  });
});
