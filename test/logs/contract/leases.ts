import { expect, test } from "vitest";
import { LogRig, type OpenLog, expectStatus, toBytes, useLog } from "./log-rig.ts";

export function describeLeases(open: OpenLog): void {
  const used = useLog(open);

  test("one holds it at a time", async () => {
    const { rig } = used;
    const name = await rig.make();
    const lease = (await rig.log.acquireLease(name, "one", 1000))!;
    expect(lease).toEqual({ holder: "one", epoch: expect.any(Number) });
    expect(await rig.log.acquireLease(name, "two", 1000)).toBeUndefined();
    // Whoever holds it prolongs it so.
    rig.nowMs += 900;
    expect(await rig.log.acquireLease(name, "one", 1000)).toEqual(lease);
    rig.nowMs += 900;
    expect(await rig.log.acquireLease(name, "two", 1000)).toBeUndefined();
    rig.nowMs += 100;
    const later = (await rig.log.acquireLease(name, "two", 1000))!;
    expect(later.epoch).toBeGreaterThan(lease.epoch);
  });

  test("two who want it at once: one has it", async () => {
    const { rig } = used;
    const name = await rig.make();
    const both = await Promise.all(["one", "two"].map((holder) => rig.log.acquireLease(name, holder, 1000)));
    expect(both.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  test("it can be renewed while it is held", async () => {
    const { rig } = used;
    const name = await rig.make();
    const lease = (await rig.log.acquireLease(name, "one", 1000))!;
    for (let count = 0; count < 3; count++) {
      rig.nowMs += 999;
      expect(await rig.log.renewLease(name, lease, 1000)).toBe(true);
    }
    expect(await rig.log.renewLease(name, { ...lease, holder: "two" }, 1000)).toBe(false);
    expect(await rig.log.renewLease(name, { ...lease, epoch: lease.epoch - 1 }, 1000)).toBe(false);
    expect(await rig.log.renewLease(rig.name(), lease, 1000)).toBe(false);
    rig.nowMs += 1000;
    expect(await rig.log.renewLease(name, lease, 1000)).toBe(false);
    // The same holder, but another time: who comes late must be told apart.
    const again = (await rig.log.acquireLease(name, "one", 1000))!;
    expect(again.epoch).toBeGreaterThan(lease.epoch);
    expect(await rig.log.renewLease(name, lease, 1000)).toBe(false);
  });

  test("an append counts only while it is held", async () => {
    const { rig } = used;
    const name = await rig.make();
    const first = (await rig.log.acquireLease(name, "one", 1000))!;
    await rig.append(name, ["a"], { lease: first });
    // Who has none may write, too.
    await rig.append(name, ["b"]);
    rig.nowMs += 1000;
    await expectStatus(rig.log.append(name, { messages: [toBytes("late")], lease: first }), "lease lost");
    const second = (await rig.log.acquireLease(name, "two", 1000))!;
    await expectStatus(rig.log.append(name, { messages: [toBytes("late")], lease: first }), "lease lost");
    const close = { messages: [], close: true, failure: "late" };
    await expectStatus(rig.log.append(name, { ...close, lease: first }), "lease lost");
    await rig.append(name, ["c"], { lease: second });
    expect(await rig.texts(name)).toEqual(["a", "b", "c"]);
  });

  test("who gives it back lets others in; who no longer holds it does not", async () => {
    const { rig } = used;
    const name = await rig.make();
    const first = (await rig.log.acquireLease(name, "one", 1000))!;
    await rig.log.releaseLease(name, { ...first, epoch: first.epoch - 1 });
    expect(await rig.log.acquireLease(name, "two", 1000)).toBeUndefined();
    await rig.log.releaseLease(name, first);
    const second = (await rig.log.acquireLease(name, "two", 1000))!;
    await rig.log.releaseLease(name, first);
    await rig.append(name, ["b"], { lease: second });
    await rig.log.releaseLease(rig.name(), first);
  });

  test("closing gives it back", async () => {
    const { rig } = used;
    const name = await rig.make();
    const lease = (await rig.log.acquireLease(name, "one", 1000))!;
    await rig.append(name, ["a"], { lease, close: true });
    expect(await rig.log.renewLease(name, lease, 1000)).toBe(false);
    await expectStatus(rig.log.append(name, { messages: [toBytes("b")], lease }), "closed");
  });

  test("a stream of the same name knows nothing of it", async () => {
    const { rig } = used;
    const name = await rig.make();
    const lease = (await rig.log.acquireLease(name, "one", 1000))!;
    await rig.log.delete(name);
    await rig.create(name);
    expect(await rig.log.renewLease(name, lease, 1000)).toBe(false);
    await expectStatus(rig.log.append(name, { messages: [toBytes("b")], lease }), "lease lost");
    const other = (await rig.log.acquireLease(name, "two", 1000))!;
    expect(other.epoch).toBeGreaterThan(lease.epoch);
  });

  test("streams whose holder is gone are abandoned, until somebody takes them", async () => {
    await using rig = await LogRig.open(open);
    const names = ["held", "given back", "closed", "deleted", "expired", "left", "never"];
    for (const name of names) await rig.create(name, [], name === "expired" ? { config: { ttlSeconds: 1 } } : {});
    for (const name of names.slice(0, -1)) {
      const lease = (await rig.log.acquireLease(name, "one", name === "held" ? 2000 : 1000))!;
      if (name === "given back") await rig.log.releaseLease(name, lease);
      if (name === "closed") await rig.append(name, [], { lease, close: true });
      if (name === "deleted") await rig.log.delete(name);
    }
    expect(await rig.log.abandoned()).toEqual([]);
    rig.nowMs += 1000;
    expect(await rig.log.abandoned()).toEqual(["left"]);
    rig.nowMs += 1000;
    expect((await rig.log.abandoned()).toSorted()).toEqual(["held", "left"]);
    const lease = (await rig.log.acquireLease("left", "two", 1000))!;
    expect(await rig.log.abandoned()).toEqual(["held"]);
    await rig.append("left", [], { lease, close: true, failure: "lost" });
    await rig.append("held", [], { close: true });
    rig.nowMs += 1000;
    expect(await rig.log.abandoned()).toEqual([]);
  });
}
