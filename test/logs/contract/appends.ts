import { expect, test } from "vitest";
import type { AppendRequest } from "../../../src/logs/event-log.ts";
import { type OpenLog, expectStatus, toBytes, useLog } from "./log-rig.ts";

export function describeAppends(open: OpenLog): void {
  const used = useLog(open);

  test("messages come one behind the other, all of an append at once", async () => {
    const { rig } = used;
    const name = await rig.make();
    expect(await rig.append(name, ["one", "two"])).toMatchObject({ first: 0, next: 6 });
    expect(await rig.append(name, ["three"])).toEqual(await rig.info(name));
    expect(await rig.texts(name)).toEqual(["one", "two", "three"]);
  });

  test("any bytes are kept as they are", async () => {
    const { rig } = used;
    const name = await rig.make();
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const messages = [
      all,
      Uint8Array.of(0),
      toBytes("\0a\0"),
      toBytes("ü€😀"),
      Uint8Array.of(0xff, 0xfe),
      all.subarray(5, 9),
    ];
    await rig.log.append(name, { messages });
    const page = await rig.page(name);
    expect(page.messages.map((bytes) => [...bytes])).toEqual(messages.map((bytes) => [...bytes]));
  });

  test("a large one, too", async () => {
    const { rig } = used;
    const name = await rig.make();
    const large = new Uint8Array(5_000_000).map((_, index) => index % 251);
    await rig.log.append(name, { messages: [large, toBytes("behind")] });
    const { messages } = await rig.page(name, 0, 1);
    expect(Buffer.compare(messages[0]!, large)).toBe(0);
    expect(await rig.texts(name, 5_000_000)).toEqual(["behind"]);
  });

  test("empty messages are none", async () => {
    const { rig } = used;
    const name = await rig.make();
    expect(await rig.append(name, ["", "a", ""])).toMatchObject({ next: 1 });
    expect(await rig.texts(name)).toEqual(["a"]);
  });

  test("appends that are made at once come in the order in which they were made", async () => {
    const { rig } = used;
    const name = await rig.make();
    const texts = Array.from({ length: 200 }, (_, index) => `${index};`);
    const results = await Promise.all(texts.map((text) => rig.append(name, [text])));
    expect(await rig.texts(name)).toEqual(texts);
    // Each was told where it is.
    const ends = results.map(({ next }) => next);
    expect(ends).toEqual(texts.map((_, index) => texts.slice(0, index + 1).join("").length));
  });

  test("where there is no stream, it is missing", async () => {
    const { rig } = used;
    await expectStatus(rig.log.append(rig.name(), { messages: [toBytes("a")] }), "missing");
  });

  test("a type that is given must be the stream's, without regard to case and parameters", async () => {
    const { rig } = used;
    const name = await rig.make([], { config: { contentType: "Text/Plain; charset=utf-8" } });
    await rig.append(name, ["a"], { contentType: "text/plain;x=y" });
    expect(await rig.log.append(name, { contentType: "text/html", messages: [toBytes("b")] })).toEqual({
      status: "other type",
      info: await rig.info(name),
    });
    // It is the type of messages: where there are none, it is nobody's.
    await rig.append(name, [], { contentType: "text/html", close: true });
  });

  test("seq must grow, byte by byte", async () => {
    const { rig } = used;
    const name = await rig.make();
    await rig.append(name, ["a"], { seq: "10" });
    for (const seq of ["10", "1", "09", ""])
      await expectStatus(rig.log.append(name, { messages: [toBytes("no")], seq }), "seq");
    await rig.append(name, ["b"], { seq: "2" });
    await rig.append(name, ["c"]);
    await expectStatus(rig.log.append(name, { messages: [toBytes("no")], seq: "2" }), "seq");
    await rig.append(name, ["d"], { seq: "2a" });
    expect(await rig.texts(name)).toEqual(["a", "b", "c", "d"]);
  });

  test("closing ends it, with a last message or without", async () => {
    const { rig } = used;
    const [one, two] = [await rig.make(["a"]), await rig.make(["a"])];
    expect(await rig.append(one, ["b"], { close: true })).toMatchObject({ closed: true, next: 2, failure: undefined });
    expect(await rig.append(two, [], { close: true })).toMatchObject({ closed: true, next: 1 });
    for (const name of [one, two]) {
      expect(await rig.log.append(name, { messages: [toBytes("c")] })).toEqual({
        status: "closed",
        info: await rig.info(name),
      });
      await expectStatus(rig.log.append(name, { messages: [toBytes("c")], close: true }), "closed");
    }
    expect([await rig.texts(one), await rig.texts(two)]).toEqual([["a", "b"], ["a"]]);
  });

  test("closing what is closed changes nothing", async () => {
    const { rig } = used;
    const name = await rig.make();
    await rig.append(name, ["a"], { close: true, failure: "first" });
    expect(await rig.append(name, [], { close: true, failure: "second" })).toMatchObject({ failure: "first" });
    expect(await rig.info(name)).toMatchObject({ closed: true, failure: "first" });
  });

  test("a failure is told with the end, and only there", async () => {
    const { rig } = used;
    const name = await rig.make();
    expect(await rig.append(name, ["a"], { failure: "not yet" })).toMatchObject({ failure: undefined });
    await rig.append(name, [], { close: true, failure: "timeout" });
    expect(await rig.page(name)).toMatchObject({ info: { closed: true, failure: "timeout" } });
  });

  test("of what does not hold, the first is told: each is mended in turn", async () => {
    const { rig } = used;
    const name = await rig.make();
    const lease = (await rig.log.acquireLease(name, "other", 1e6))!;
    await rig.append(name, ["a"], { seq: "5", producer: { id: "p", epoch: 1, seq: 0 }, lease });
    const wrong: AppendRequest = {
      messages: [toBytes("x")],
      contentType: "text/html",
      seq: "5",
      producer: { id: "p", epoch: 0, seq: 7 },
      lease: { holder: "me", epoch: lease.epoch },
    };
    const told = async (changed: Partial<AppendRequest>): Promise<string> =>
      (await rig.log.append(name, { ...wrong, ...changed })).status;
    const gap = { id: "p", epoch: 1, seq: 7 };
    const right = { id: "p", epoch: 1, seq: 1 };
    await expectStatus(rig.log.append(rig.name(), wrong), "missing");
    expect(await told({})).toBe("stale epoch");
    expect(await told({ producer: { id: "p", epoch: 1, seq: 0 } })).toBe("duplicate");
    expect(await told({ producer: gap })).toBe("other type");
    expect(await told({ contentType: "text/plain", producer: gap })).toBe("gap");
    expect(await told({ contentType: "text/plain", producer: { ...gap, epoch: 2 } })).toBe("epoch without start");
    expect(await told({ contentType: "text/plain", producer: right })).toBe("seq");
    expect(await told({ contentType: "text/plain", producer: right, seq: "6" })).toBe("lease lost");
    expect(await rig.texts(name)).toEqual(["a"]);
    expect(await told({ contentType: "text/plain", producer: right, seq: "6", lease })).toBe("appended");
    // What was refused has changed nothing: the sequences went on where they were.
    await rig.append(name, [], { close: true, lease });
    expect(await told({})).toBe("stale epoch");
    expect(await told({ producer: right })).toBe("duplicate");
    expect(await told({ producer: gap })).toBe("closed");
  });
}
