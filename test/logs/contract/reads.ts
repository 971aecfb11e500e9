import { assert, asyncProperty, integer, nat } from "fast-check";
import { expect, test } from "vitest";
import type { Position, ReadLimits } from "../../../src/logs/event-log.ts";
import { type OpenLog, expectStatus, toText, useLog } from "./log-rig.ts";

export function describeReads(open: OpenLog): void {
  const used = useLog(open);
  /** 3, 3, 5 bytes. */
  const texts = ["one", "two", "three"];

  test.each<[after: Position, limits: ReadLimits, texts: string[]]>([
    [0, { maxBytes: 100 }, texts],
    [0, { maxBytes: 11 }, texts],
    [0, { maxBytes: 7 }, texts],
    [0, { maxBytes: 6 }, ["one", "two"]],
    [0, { maxBytes: 4 }, ["one", "two"]],
    [0, { maxBytes: 3 }, ["one"]],
    [0, { maxBytes: 1 }, ["one"]],
    [0, { maxBytes: 0 }, ["one"]],
    [3, { maxBytes: 1 }, ["two"]],
    [3, { maxBytes: 4 }, ["two", "three"]],
    [1, { maxBytes: 1 }, ["ne"]],
    [1, { maxBytes: 3 }, ["ne", "two"]],
    [5, { maxBytes: 100 }, ["o", "three"]],
    [10, { maxBytes: 100 }, ["e"]],
    [11, { maxBytes: 100 }, []],
    [0, { maxBytes: Infinity }, texts],
    [0, { maxBytes: 100, maxMessages: 2 }, ["one", "two"]],
    [0, { maxBytes: 100, maxMessages: 1 }, ["one"]],
    [0, { maxBytes: 4, maxMessages: 3 }, ["one", "two"]],
    [4, { maxBytes: 100, maxMessages: 1 }, ["wo"]],
    [0, { maxBytes: 100, maxMessages: 10 }, texts],
  ])("after %d, with %j: %j", async (after, limits, wanted) => {
    const { rig } = used;
    const name = await rig.make(texts);
    const result = await rig.log.read(name, after, limits);
    if (result.status !== "page") throw new Error(result.status);
    const { info, messages, from, next } = result.page;
    expect(messages.map(toText)).toEqual(wanted);
    expect([from, next]).toEqual([after, after + wanted.join("").length]);
    expect(info).toEqual(await rig.info(name));
  });

  test("beyond the end there is nothing, and its place is the end", async () => {
    const { rig } = used;
    const name = await rig.make(texts);
    for (const after of [12, 1e15, Infinity])
      expect(await rig.page(name, after)).toMatchObject({ messages: [], from: 11, next: 11, info: { next: 11 } });
    expect(await rig.page(await rig.make())).toMatchObject({ messages: [], from: 0, next: 0 });
  });

  test("missing is said of one that is not there", async () => {
    const { rig } = used;
    await expectStatus(rig.log.read(rig.name(), 0, { maxBytes: 1 }), "missing");
  });

  test("an append that was acknowledged is seen by whoever asks then", async () => {
    const { rig } = used;
    const name = await rig.make();
    for (let count = 0; count < 20; count++) {
      const early = rig.page(name, count);
      const { next } = await rig.append(name, ["x"]);
      const pages = await Promise.all([rig.page(name, count), rig.page(name, count), early]);
      expect(pages.slice(0, 2).map((page) => [page.next, page.messages.length])).toEqual([
        [next, 1],
        [next, 1],
      ]);
    }
  });

  test("across forks, limits count what is read of all", async () => {
    const { rig } = used;
    const origin = await rig.make(["aaaa", "bbbb"]);
    const child = await rig.fork(origin, { at: 6 });
    await rig.append(child, ["cc", "dd"]);
    const page = async (after: Position, limits: ReadLimits): Promise<string[]> => {
      const result = await rig.log.read(child, after, limits);
      return result.status === "page" ? result.page.messages.map(toText) : [result.status];
    };
    expect(await page(0, { maxBytes: 5 })).toEqual(["aaaa", "bb"]);
    expect(await page(0, { maxBytes: 6 })).toEqual(["aaaa", "bb"]);
    expect(await page(0, { maxBytes: 7 })).toEqual(["aaaa", "bb", "cc"]);
    expect(await page(5, { maxBytes: 1 })).toEqual(["b"]);
    expect(await page(5, { maxBytes: 2 })).toEqual(["b", "cc"]);
    expect(await page(6, { maxBytes: 1 })).toEqual(["cc"]);
    expect(await page(0, { maxBytes: 99, maxMessages: 2 })).toEqual(["aaaa", "bb"]);
    expect(await page(0, { maxBytes: 99, maxMessages: 3 })).toEqual(["aaaa", "bb", "cc"]);
  });

  test("page by page there is all, whatever the pages", { timeout: 60_000 }, async () => {
    const { rig } = used;
    const messages = Array.from({ length: 300 }, (_, index) => `${index}${"x".repeat((index * 7) % 50)}`);
    const origin = await rig.make(messages.slice(0, 150));
    const name = await rig.fork(origin);
    await rig.append(name, messages.slice(150));
    const all = messages.join("");
    const property = asyncProperty(
      integer({ min: 1, max: 2000 }),
      integer({ min: 1, max: 100 }),
      nat(all.length),
      async (maxBytes, maxMessages, begin) => {
        const read: string[] = [];
        for (let at = begin; at < all.length;) {
          const page = await rig.page(name, at, maxBytes, maxMessages);
          expect(page.from).toBe(at);
          expect(page.messages.length).toBeGreaterThan(0);
          read.push(...page.messages.map(toText));
          at = page.next;
        }
        expect(read.join("")).toBe(all.slice(begin));
      },
    );
    await assert(property, { numRuns: 40 });
  });

  test("a great many small messages are all there", async () => {
    const { rig } = used;
    const name = await rig.make();
    const many = Array.from({ length: 25_000 }, (_, index) => `${index % 10}`);
    await rig.append(name, many);
    const read: string[] = [];
    for (let at = 0; at < many.length;) {
      const page = await rig.page(name, at);
      read.push(...page.messages.map(toText));
      at = page.next;
    }
    expect(read).toEqual(many);
  });
}
