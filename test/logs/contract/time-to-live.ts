import { expect, test } from "vitest";
import { type LogRig, type OpenLog, expectStatus, toBytes, toCreate, useLog } from "./log-rig.ts";

export function describeTimeToLive(open: OpenLog): void {
  const used = useLog(open);
  const config = { contentType: "text/plain", ttlSeconds: 10 };

  /** Whether it is there a moment before, and a moment after so long. */
  async function livesFor(rig: LogRig, name: string, ms: number): Promise<boolean> {
    rig.nowMs += ms - 1;
    const before = await rig.status(name);
    rig.nowMs += 1;
    return before === "there" && (await rig.status(name)) === "missing";
  }

  test("it ends when it was not used for so long", async () => {
    const { rig } = used;
    expect(await livesFor(rig, await rig.make(["a"], { config }), 10_000)).toBe(true);
    const short = { contentType: "text/plain", ttlSeconds: 0.5 };
    expect(await livesFor(rig, await rig.make(["a"], { config: short }), 500)).toBe(true);
  });

  test.each<[what: string, use: (rig: LogRig, name: string) => Promise<unknown>]>([
    ["an append", (rig, name) => rig.append(name, ["b"])],
    ["a read", (rig, name) => rig.page(name)],
    ["a read at its end", (rig, name) => rig.page(name, 1)],
    ["a touch", (rig, name) => rig.log.touch(name)],
    ["its closing", (rig, name) => rig.append(name, [], { close: true })],
  ])("%s begins it anew", async (_what, use) => {
    const { rig } = used;
    const name = await rig.make(["a"], { config });
    rig.nowMs += 9000;
    await use(rig, name);
    expect(await livesFor(rig, name, 10_000)).toBe(true);
  });

  test("a repeated closing, and a producer's repetition, begin it anew", async () => {
    const { rig } = used;
    const name = await rig.make(["a"], { config });
    await rig.append(name, ["b"], { close: true, producer: { id: "p", epoch: 0, seq: 0 } });
    rig.nowMs += 9000;
    await rig.append(name, [], { close: true });
    rig.nowMs += 9000;
    const again = { messages: [toBytes("b")], close: true, producer: { id: "p", epoch: 0, seq: 0 } };
    await expectStatus(rig.log.append(name, again), "duplicate");
    expect(await livesFor(rig, name, 10_000)).toBe(true);
  });

  test.each<[what: string, use: (rig: LogRig, name: string) => Promise<unknown>]>([
    ["info", (rig, name) => rig.log.info(name)],
    ["a list", (rig) => rig.log.list("")],
    ["a refused append", (rig, name) => rig.log.append(name, { contentType: "a/b", messages: [toBytes("b")] })],
    ["creation of what is there", (rig, name) => rig.log.create(name, toCreate({ config }))],
    ["a fork of it", async (rig, name) => rig.log.delete(await rig.fork(name))],
  ])("%s does not", async (_what, use) => {
    const { rig } = used;
    const name = await rig.make(["a"], { config });
    rig.nowMs += 9000;
    await use(rig, name);
    expect(await livesFor(rig, name, 1000)).toBe(true);
  });

  test("it ends at a given time, used or not", async () => {
    const { rig } = used;
    const name = await rig.make(["a"], { config: { contentType: "text/plain", expiresAtMs: rig.nowMs + 3000 } });
    rig.nowMs += 2000;
    await rig.append(name, ["b"]);
    await rig.log.touch(name);
    expect(await livesFor(rig, name, 1000)).toBe(true);
  });

  test("one whose time is over is missing for every call, and its name free", async () => {
    const { rig } = used;
    const [name, other] = [await rig.make(["a"], { config }), await rig.make(["a"], { config })];
    rig.nowMs += 10_000;
    await expectStatus(rig.log.append(name, { messages: [toBytes("b")] }), "missing");
    await expectStatus(rig.log.read(name, 0, { maxBytes: 1 }), "missing");
    await expectStatus(rig.log.touch(other), "missing");
    await expectStatus(rig.log.trim(other, {}), "missing");
    await expectStatus(rig.log.delete(other), "missing");
    expect(await rig.log.acquireLease(other, "me", 1000)).toBeUndefined();
    await expectStatus(rig.log.create(rig.name(), toCreate({ fork: { from: other } })), "no origin");
    await rig.create(name, ["new"], { config });
    expect([await rig.texts(name), await livesFor(rig, name, 10_000)]).toEqual([["new"], true]);
  });

  test("what was used of one stream counts for no other of its name", async () => {
    const { rig } = used;
    const name = await rig.make(["a"], { config });
    await rig.page(name);
    await rig.log.delete(name);
    rig.nowMs -= 9000;
    await rig.create(name, ["b"], { config });
    expect(await livesFor(rig, name, 10_000)).toBe(true);
  });
}
