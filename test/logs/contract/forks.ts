import { expect, test } from "vitest";
import { type OpenLog, expectStatus, toBytes, toCreate, useLog } from "./log-rig.ts";

export function describeForks(open: OpenLog): void {
  const used = useLog(open);

  test.each<[fork: { at?: number; bytes?: number; messages?: number }, texts: string[]]>([
    [{}, ["one", "two", "three"]],
    [{ at: 11 }, ["one", "two", "three"]],
    [{ at: 0 }, []],
    [{ at: 3 }, ["one"]],
    [{ at: 4 }, ["one", "t"]],
    [{ at: 3, bytes: 0 }, ["one"]],
    [{ at: 3, bytes: 2 }, ["one", "tw"]],
    [{ at: 3, bytes: 3 }, ["one", "two"]],
    [{ at: 4, bytes: 2 }, ["one", "two"]],
    [{ at: 0, messages: 0 }, []],
    [{ at: 0, messages: 2 }, ["one", "two"]],
    [{ at: 4, messages: 1 }, ["one", "two"]],
    [{ at: 3, messages: 2 }, ["one", "two", "three"]],
  ])("%j has what is before it, and goes on by itself", async (fork, texts) => {
    const { rig } = used;
    const origin = await rig.make(["one", "two", "three"]);
    const name = await rig.fork(origin, fork);
    const { next } = await rig.info(name);
    expect([next, await rig.texts(name)]).toEqual([texts.join("").length, texts]);
    expect(await rig.append(name, ["mine"])).toMatchObject({ next: next + 4 });
    await rig.append(origin, ["its"]);
    expect(await rig.texts(name)).toEqual([...texts, "mine"]);
    expect(await rig.texts(name, next)).toEqual(["mine"]);
    expect(await rig.texts(origin)).toEqual(["one", "two", "three", "its"]);
  });

  test.each([
    { at: 12 },
    { at: 3, bytes: 4 },
    { at: 4, bytes: 3 },
    { at: 11, bytes: 1 },
    { bytes: 1 },
    { at: 0, messages: 4 },
    { at: 11, messages: 1 },
    { messages: 1 },
  ])("%j is beyond its origin", async (fork) => {
    const { rig } = used;
    const from = await rig.make(["one", "two", "three"]);
    const name = rig.name();
    await expectStatus(rig.log.create(name, toCreate({ config: {}, fork: { from, ...fork } })), "beyond origin");
    expect(await rig.status(name)).toBe("missing");
  });

  test("there must be an origin, of the same type", async () => {
    const { rig } = used;
    const from = await rig.make(["a"]);
    const other = rig.log.create(rig.name(), toCreate({ config: { contentType: "text/html" }, fork: { from } }));
    await expectStatus(other, "other type");
    const same = await rig.create(rig.name(), [], { config: { contentType: "TEXT/plain; a=b" }, fork: { from } });
    expect(same.config.contentType).toBe("TEXT/plain; a=b");
    const lost = rig.log.create(rig.name(), toCreate({ fork: { from: rig.name() } }));
    await expectStatus(lost, "no origin");
  });

  test("it has its origin's time to live, unless it has its own", async () => {
    const { rig } = used;
    const config = { contentType: "text/plain", ttlSeconds: 60, isPublic: true };
    const from = await rig.make([], { config });
    const inherited = await rig.create(rig.name(), [], { config: {}, fork: { from } });
    expect(inherited.config).toEqual({ ...config, expiresAtMs: undefined });
    const own = { expiresAtMs: rig.nowMs + 1000 };
    expect((await rig.create(rig.name(), [], { config: own, fork: { from } })).config).toEqual({
      ...config,
      ...own,
      ttlSeconds: undefined,
    });
  });

  test("it begins open, with messages, without its origin's producers and seq", async () => {
    const { rig } = used;
    const origin = await rig.make(["a"]);
    await rig.append(origin, ["b"], { close: true, seq: "5", producer: { id: "p", epoch: 4, seq: 0 } });
    const name = await rig.make(["c"], { config: {}, fork: { from: origin } });
    expect(await rig.info(name)).toMatchObject({ closed: false, next: 3 });
    await rig.append(name, ["d"], { seq: "1", producer: { id: "p", epoch: 0, seq: 0 } });
    expect(await rig.texts(name)).toEqual(["a", "b", "c", "d"]);
    await expectStatus(rig.log.append(origin, { messages: [toBytes("e")] }), "closed");
  });

  test("the same fork again finds it; one of another place or origin is a conflict", async () => {
    const { rig } = used;
    const [from, other] = [await rig.make(["one", "two"]), await rig.make(["one", "two"])];
    const name = await rig.fork(from, { at: 3 });
    await rig.append(name, ["more"]);
    const again = (fork: object): Promise<{ status: string }> =>
      rig.log.create(name, toCreate({ config: {}, fork: { from, ...fork } }));
    await expectStatus(again({ at: 3 }), "exists");
    await expectStatus(again({ at: 0, messages: 1 }), "exists");
    await expectStatus(again({ at: 0, bytes: 3 }), "exists");
    // Without a place it was forked at the origin's end of then.
    await expectStatus(again({}), "exists");
    await expectStatus(again({ at: 6 }), "conflict");
    await expectStatus(again({ at: 3, from: other }), "conflict");
    await expectStatus(rig.log.create(name, toCreate()), "conflict");
  });

  test("forks of forks, cut in the middle of messages", async () => {
    const { rig } = used;
    const origin = await rig.make(["abcdef", "ghi"]);
    const child = await rig.fork(origin, { at: 4 });
    await rig.append(child, ["XYZ", "12"]);
    const grandchild = await rig.fork(child, { at: 6 });
    await rig.append(grandchild, ["!"]);
    expect(await rig.texts(grandchild)).toEqual(["abcd", "XY", "!"]);
    expect(await rig.texts(await rig.fork(grandchild, { at: 2 }))).toEqual(["ab"]);
    expect(await rig.texts(await rig.fork(grandchild, { at: 2, messages: 2 }))).toEqual(["abcd", "XY"]);
    expect(await rig.texts(grandchild, 1)).toEqual(["bcd", "XY", "!"]);
    const { messages, next } = await rig.page(grandchild, 3, 2);
    expect([messages.length, next]).toEqual([2, 6]);
  });

  test("one of a stream that has not got its beginning any more", async () => {
    const { rig } = used;
    const origin = await rig.make(["one", "two", "three"]);
    await rig.log.trim(origin, { before: 4 });
    expect(await rig.info(origin)).toMatchObject({ first: 3 });
    const gone = rig.log.create(rig.name(), toCreate({ config: {}, fork: { from: origin, at: 2 } }));
    await expectStatus(gone, "beyond origin");
    const name = await rig.fork(origin, { at: 6 });
    expect(await rig.info(name)).toMatchObject({ first: 3, next: 6 });
    expect(await rig.texts(name, 3)).toEqual(["two"]);
    await expectStatus(rig.log.read(name, 2, { maxBytes: 9 }), "trimmed");
    await rig.append(name, ["more"]);
    expect(await rig.texts(name, 3)).toEqual(["two", "more"]);
  });

  test("what is trimmed of its origin is gone for it, too, but nothing of its own", async () => {
    const { rig } = used;
    const origin = await rig.make(["one", "two", "three"]);
    const name = await rig.fork(origin, { at: 6 });
    await rig.append(name, ["mine"]);
    await rig.log.trim(origin, { before: 3 });
    expect([await rig.info(name), await rig.texts(name, 3)]).toMatchObject([{ first: 3 }, ["two", "mine"]]);
    await rig.log.trim(origin, { before: 11 });
    expect(await rig.info(origin)).toMatchObject({ first: 11 });
    expect([await rig.info(name), await rig.texts(name, 6)]).toMatchObject([{ first: 6 }, ["mine"]]);
  });

  test("its own trimming leaves its origin alone", async () => {
    const { rig } = used;
    const origin = await rig.make(["one", "two"]);
    const name = await rig.fork(origin);
    await rig.append(name, ["mine", "too"]);
    await rig.log.trim(name, { maxMessages: 3 });
    expect([(await rig.info(name)).first, await rig.texts(name, 3)]).toEqual([3, ["two", "mine", "too"]]);
    await rig.log.trim(name, { maxMessages: 1 });
    expect([(await rig.info(name)).first, await rig.texts(name, 10)]).toEqual([10, ["too"]]);
    expect(await rig.texts(origin)).toEqual(["one", "two"]);
  });
}
