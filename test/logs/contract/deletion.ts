import { expect, test } from "vitest";
import { type OpenLog, expectStatus, toBytes, toCreate, useLog } from "./log-rig.ts";

export function describeDeletion(open: OpenLog): void {
  const used = useLog(open);

  test("a stream is gone, and its name free", async () => {
    const { rig } = used;
    const name = await rig.make(["a"]);
    await expectStatus(rig.log.delete(name), "deleted");
    await expectStatus(rig.log.delete(name), "missing");
    await expectStatus(rig.log.read(name, 0, { maxBytes: 1 }), "missing");
    await expectStatus(rig.log.append(name, { messages: [toBytes("b")] }), "missing");
    await expectStatus(rig.log.trim(name, {}), "missing");
    await expectStatus(rig.log.touch(name), "missing");
    expect([await rig.status(name), await rig.log.list(name)]).toEqual(["missing", []]);
    expect(await rig.log.acquireLease(name, "me", 1000)).toBeUndefined();
  });

  test("one with forks is gone for all but them, and its name not free", async () => {
    const { rig } = used;
    const origin = await rig.make(["one", "two"]);
    const fork = await rig.fork(origin);
    await expectStatus(rig.log.delete(origin), "deleted");
    await expectStatus(rig.log.delete(origin), "gone");
    await expectStatus(rig.log.read(origin, 0, { maxBytes: 1 }), "gone");
    await expectStatus(rig.log.append(origin, { messages: [toBytes("b")] }), "gone");
    await expectStatus(rig.log.trim(origin, { before: 6 }), "gone");
    await expectStatus(rig.log.touch(origin), "gone");
    await expectStatus(rig.log.create(origin, toCreate()), "conflict");
    await expectStatus(rig.log.create(rig.name(), toCreate({ fork: { from: origin } })), "origin gone");
    expect([await rig.status(origin), await rig.log.list(origin)]).toEqual(["gone", []]);
    expect(await rig.log.acquireLease(origin, "me", 1000)).toBeUndefined();
    expect(await rig.texts(fork)).toEqual(["one", "two"]);
    await rig.append(fork, ["three"]);
    expect(await rig.texts(await rig.fork(fork))).toEqual(["one", "two", "three"]);
  });

  test("with its last fork it goes for good, and what it was forked from, too", async () => {
    const { rig } = used;
    const origin = await rig.make(["a"]);
    const middle = await rig.fork(origin);
    const [last, other] = [await rig.fork(middle), await rig.fork(middle)];
    await rig.log.delete(origin);
    await rig.log.delete(middle);
    await rig.log.delete(last);
    expect(await Promise.all([origin, middle, last].map((name) => rig.status(name)))).toEqual([
      "gone",
      "gone",
      "missing",
    ]);
    expect(await rig.texts(other)).toEqual(["a"]);
    await rig.log.delete(other);
    expect(await Promise.all([origin, middle, other].map((name) => rig.status(name)))).toEqual([
      "missing",
      "missing",
      "missing",
    ]);
    await rig.create(origin, ["b"]);
    expect(await rig.texts(origin)).toEqual(["b"]);
  });

  test("a fork goes alone while its origin is there", async () => {
    const { rig } = used;
    const origin = await rig.make(["a"]);
    const fork = await rig.fork(origin);
    await rig.log.delete(fork);
    expect([await rig.status(fork), await rig.texts(origin)]).toEqual(["missing", ["a"]]);
    await expectStatus(rig.log.delete(origin), "deleted");
    expect(await rig.status(origin)).toBe("missing");
  });

  test("one that ends by its time has forks like one that is deleted", async () => {
    const { rig } = used;
    const config = { contentType: "text/plain", expiresAtMs: rig.nowMs + 1000 };
    const origin = await rig.make(["a"], { config });
    const fork = await rig.make([], { config: { expiresAtMs: rig.nowMs + 5000 }, fork: { from: origin } });
    rig.nowMs += 1000;
    expect([await rig.status(origin), await rig.texts(fork)]).toEqual(["gone", ["a"]]);
    await expectStatus(rig.log.create(origin, toCreate()), "conflict");
    rig.nowMs += 4000;
    await expectStatus(rig.log.delete(fork), "missing");
    expect(await rig.status(origin)).toBe("missing");
  });
}
