import { expect, test } from "vitest";
import { LogRig, type OpenLog, expectStatus, toBytes, useLog } from "./log-rig.ts";

export function describeProducers(open: OpenLog): void {
  const used = useLog(open);
  const by = (
    id: string,
    epoch: number,
    seq: number,
  ): { messages: Uint8Array[]; producer: { id: string; epoch: number; seq: number } } => ({
    messages: [toBytes(`${id}${epoch}.${seq} `)],
    producer: { id, epoch, seq },
  });

  test("a repetition is noticed, of the last append and of earlier ones", async () => {
    const { rig } = used;
    const name = await rig.make();
    for (const seq of [0, 1, 2]) await expectStatus(rig.log.append(name, by("a", 0, seq)), "appended");
    for (const seq of [2, 0, 1]) {
      expect(await rig.log.append(name, by("a", 0, seq))).toEqual({
        status: "duplicate",
        info: await rig.info(name),
        seq: 2,
      });
    }
    expect(await rig.texts(name)).toEqual(["a0.0 ", "a0.1 ", "a0.2 "]);
  });

  test("repetitions that come at once count once", async () => {
    const { rig } = used;
    const name = await rig.make();
    const results = await Promise.all([0, 0, 1, 0, 1].map((seq) => rig.log.append(name, by("a", 0, seq))));
    expect(results.map(({ status }) => status)).toEqual([
      "appended",
      "duplicate",
      "appended",
      "duplicate",
      "duplicate",
    ]);
    expect(await rig.texts(name)).toEqual(["a0.0 ", "a0.1 "]);
  });

  test("what is left out is a gap", async () => {
    const { rig } = used;
    const name = await rig.make();
    expect(await rig.log.append(name, by("a", 0, 1))).toEqual({ status: "gap", expected: 0 });
    expect(await rig.log.append(name, by("a", 5, 1))).toEqual({ status: "gap", expected: 0 });
    await expectStatus(rig.log.append(name, by("a", 0, 0)), "appended");
    expect(await rig.log.append(name, by("a", 0, 2))).toEqual({ status: "gap", expected: 1 });
    expect(await rig.texts(name)).toEqual(["a0.0 "]);
  });

  test("a later epoch ends the earlier ones, and begins with 0", async () => {
    const { rig } = used;
    const name = await rig.make();
    await expectStatus(rig.log.append(name, by("a", 1, 0)), "appended");
    expect(await rig.log.append(name, by("a", 3, 1))).toEqual({ status: "epoch without start" });
    await expectStatus(rig.log.append(name, by("a", 3, 0)), "appended");
    expect(await rig.log.append(name, by("a", 1, 1))).toEqual({ status: "stale epoch", epoch: 3 });
    expect(await rig.log.append(name, by("a", 2, 0))).toEqual({ status: "stale epoch", epoch: 3 });
    await expectStatus(rig.log.append(name, by("a", 3, 1)), "appended");
    expect(await rig.texts(name)).toEqual(["a1.0 ", "a3.0 ", "a3.1 "]);
  });

  test("producers, and streams, don't know one another", async () => {
    const { rig } = used;
    const [one, two] = [await rig.make(), await rig.make()];
    await expectStatus(rig.log.append(one, by("a", 9, 0)), "appended");
    await expectStatus(rig.log.append(one, by("b", 0, 0)), "appended");
    await expectStatus(rig.log.append(two, by("a", 0, 0)), "appended");
    await expectStatus(rig.log.append(one, by("a", 9, 1)), "appended");
  });

  test("the greatest numbers there may be", async () => {
    const { rig } = used;
    const name = await rig.make();
    await expectStatus(rig.log.append(name, by("a", Number.MAX_SAFE_INTEGER, 0)), "appended");
    const result = await rig.log.append(name, by("a", Number.MAX_SAFE_INTEGER - 1, 0));
    expect(result).toEqual({ status: "stale epoch", epoch: Number.MAX_SAFE_INTEGER });
  });

  test("the append that closes can be repeated; another is refused", async () => {
    const { rig } = used;
    const name = await rig.make();
    const close = { ...by("a", 0, 0), close: true };
    await expectStatus(rig.log.append(name, close), "appended");
    expect(await rig.log.append(name, close)).toMatchObject({ status: "duplicate", seq: 0, info: { closed: true } });
    await expectStatus(rig.log.append(name, by("a", 0, 1)), "closed");
    await expectStatus(rig.log.append(name, by("b", 0, 0)), "closed");
    await expectStatus(rig.log.append(name, { ...by("a", 0, 1), messages: [], close: true }), "closed");
  });

  test("what is refused for another reason has not been counted", async () => {
    const { rig } = used;
    const name = await rig.make();
    const request = by("a", 0, 0);
    await expectStatus(rig.log.append(name, { ...request, contentType: "text/html" }), "other type");
    await expectStatus(rig.log.append(name, { ...request, lease: { holder: "x", epoch: 1 } }), "lease lost");
    await expectStatus(rig.log.append(name, request), "appended");
  });

  test("its state is forgotten when it has not appended for so long", async () => {
    await using rig = await LogRig.open(open, { producerTtlMs: 1000 });
    const name = await rig.make();
    await expectStatus(rig.log.append(name, by("a", 4, 0)), "appended");
    rig.nowMs += 600;
    await expectStatus(rig.log.append(name, by("a", 4, 1)), "appended");
    rig.nowMs += 1000;
    await expectStatus(rig.log.append(name, by("a", 4, 1)), "duplicate");
    rig.nowMs += 1;
    expect(await rig.log.append(name, by("a", 4, 2))).toEqual({ status: "gap", expected: 0 });
    await expectStatus(rig.log.append(name, by("a", 0, 0)), "appended");
  });
}
