import { describe, expect, it } from "vitest";
import { lines } from "../../src/streaming/lines.ts";
import { streamingResponse } from "../../src/streaming/streaming-response.ts";
import { until, within } from "../helpers/deadline.ts";
import { openDescriptors, temporaryFolder } from "../helpers/temporary.ts";

const folder = temporaryFolder();
const path = folder.write("file.txt", "a line of some length\n".repeat(100_000));

describe("the file of lines()", () => {
  it("is opened when the first line is asked for, and closed at the end", async () => {
    const file = lines(path);
    const iterator = file[Symbol.asyncIterator]();
    expect(openDescriptors(path)).toBe(0);
    await iterator.next();
    expect(openDescriptors(path)).toBe(1);
    let count = 1;
    for (let result = await iterator.next(); !result.done; result = await iterator.next()) count++;
    expect(count).toBe(100_000);
    expect(openDescriptors(path)).toBe(0);
  });

  it("is opened once where several lines are asked for at a time, and they come in order", async () => {
    const numbered = folder.write("numbered.txt", Array.from({ length: 20_000 }, (_, index) => `${index}\n`).join(""));
    const iterator = lines(numbered)[Symbol.asyncIterator]();
    const results = Promise.all(Array.from({ length: 20_002 }, () => iterator.next()));
    const read = (await within(results, "the lines")).map(({ value }) => value);
    expect(read.slice(0, 20_000).every((line, index) => line === `${index}\n`)).toBe(true);
    expect(read.slice(20_000)).toEqual([undefined, undefined]);
    expect(openDescriptors(numbered)).toBe(0);
  });

  it("is closed by return(), which also ends the lines", async () => {
    let read = 0;
    for await (const line of lines(path)) {
      expect(line).toMatch(/\n$/u);
      if (++read === 10) break;
    }
    expect(openDescriptors(path)).toBe(0);
    const iterator = lines(path)[Symbol.asyncIterator]();
    await iterator.next();
    expect(await iterator.return!()).toEqual({ done: true, value: undefined });
    expect((await iterator.next()).done).toBe(true);
    expect((await iterator.return!()).done).toBe(true);
  });

  it("is closed by return() while it is being opened or read", async () => {
    // 2978 lines are the first block: the next one is being read.
    for (const readBefore of [0, 1, 2978]) {
      const iterator = lines(path)[Symbol.asyncIterator]();
      for (let index = 0; index < readBefore; index++) await iterator.next();
      const pending = iterator.next();
      await within(iterator.return!(), "return()");
      await pending;
      expect(openDescriptors(path)).toBe(0);
      expect((await iterator.next()).done).toBe(true);
    }
  });

  it("is not opened by return() before the first line", async () => {
    const iterator = lines(path)[Symbol.asyncIterator]();
    await iterator.return!();
    expect((await iterator.next()).done).toBe(true);
    expect(openDescriptors(path)).toBe(0);
  });

  it("is closed on an error", async () => {
    const iterator = lines(path, { maxLineBytes: 5 })[Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ code: "ERR_LINE_TOO_LONG" });
    expect(openDescriptors(path)).toBe(0);
    expect((await iterator.next()).done).toBe(true);
  });

  it.each([0, 1, 20])("is closed when the reader of a response leaves, after %i reads", async (reads) => {
    const reader = streamingResponse(lines(path), { mediaType: "text/plain" }).body!.getReader();
    for (let index = 0; index < reads; index++) await reader.read();
    const pending = reader.read();
    await within(reader.cancel(), "the cancelling");
    await pending;
    await until(() => openDescriptors(path) === 0, "the closing of the file");
    expect(openDescriptors(path)).toBe(0);
  });

  it("is never opened for a response that nobody reads", async () => {
    await streamingResponse(lines(path)).body!.cancel();
    expect(openDescriptors(path)).toBe(0);
  });

  it("is sent whole as bytes, and closed", async () => {
    const text = await streamingResponse(lines(path)).text();
    expect(text === "a line of some length\n".repeat(100_000)).toBe(true);
    expect(openDescriptors(path)).toBe(0);
  });
});
