import { expect, test } from "vitest";
import type { Position, Retention } from "../../../src/logs/event-log.ts";
import { type LogRig, type OpenLog, expectStatus, useLog } from "./log-rig.ts";

export function describeRetention(open: OpenLog): void {
  const used = useLog(open);

  /** Messages of ten bytes, one a second. */
  async function makeTen(rig: LogRig): Promise<string> {
    const name = await rig.make();
    for (let index = 0; index < 10; index++) {
      await rig.append(name, [`message ${index} `]);
      rig.nowMs += 1000;
    }
    return name;
  }

  test.each<[retention: Retention, first: Position]>([
    [{}, 0],
    [{ before: 0 }, 0],
    [{ before: 9 }, 0],
    [{ before: 10 }, 10],
    [{ before: 35 }, 30],
    [{ before: 100 }, 100],
    [{ before: 1000 }, 100],
    [{ maxMessages: 20 }, 0],
    [{ maxMessages: 10 }, 0],
    [{ maxMessages: 3 }, 70],
    [{ maxMessages: 0 }, 100],
    [{ maxBytes: 1000 }, 0],
    [{ maxBytes: 100 }, 0],
    [{ maxBytes: 99 }, 0],
    [{ maxBytes: 90 }, 10],
    [{ maxBytes: 25 }, 70],
    [{ maxBytes: 0 }, 100],
    // The last is one second old, the first ten.
    [{ maxAgeMs: 10_000 }, 0],
    [{ maxAgeMs: 9999 }, 10],
    [{ maxAgeMs: 3000 }, 70],
    [{ maxAgeMs: 2500 }, 80],
    [{ maxAgeMs: 0 }, 100],
    [{ maxMessages: 5, before: 70 }, 70],
    [{ maxMessages: 3, before: 10 }, 70],
    [{ maxMessages: 5, maxBytes: 30, maxAgeMs: 20_000 }, 70],
    [{ maxMessages: 5, maxBytes: 90, maxAgeMs: 2000 }, 80],
  ])("%j", async (retention, first) => {
    const { rig } = used;
    const name = await makeTen(rig);
    expect(await rig.log.trim(name, retention)).toEqual({ status: "there", info: await rig.info(name) });
    expect(await rig.info(name)).toMatchObject({ first, next: 100 });
    expect((await rig.page(name, first)).messages.length).toBe((100 - first) / 10);
    if (first > 0) {
      expect(await rig.log.read(name, first - 1, { maxBytes: 10 })).toEqual({
        status: "trimmed",
        info: await rig.info(name),
      });
    }
    // Positions go on, and what was trimmed stays so.
    expect(await rig.append(name, ["more"])).toMatchObject({ first, next: 104 });
    expect(await rig.log.trim(name, {})).toMatchObject({ info: { first } });
    expect((await rig.texts(name, first)).at(-1)).toBe("more");
  });

  test("of a fork, also what it shares, by its own time", async () => {
    const { rig } = used;
    const origin = await makeTen(rig);
    const name = await rig.fork(origin, { at: 55 });
    await rig.append(name, ["12345"]);
    expect(await rig.log.trim(name, { maxMessages: 5 })).toMatchObject({ info: { first: 20 } });
    expect(await rig.log.trim(name, { maxBytes: 21 })).toMatchObject({ info: { first: 30 } });
    expect(await rig.log.trim(name, { maxAgeMs: 6000 })).toMatchObject({ info: { first: 40 } });
    expect(await rig.texts(name, 40)).toEqual(["message 4 ", "messa", "12345"]);
    expect(await rig.log.trim(name, { maxMessages: 1 })).toMatchObject({ info: { first: 55 } });
    expect(await rig.info(origin)).toMatchObject({ first: 0 });
  });

  test("a stream that is trimmed again and again stays right", async () => {
    const { rig } = used;
    const name = await rig.make();
    for (let index = 0; index < 200; index++) {
      await rig.append(name, [String(index).padStart(5, "0"), "x"]);
      await rig.log.trim(name, { maxMessages: 7 });
    }
    const { first, next } = await rig.info(name);
    expect([first, next]).toEqual([1200 - 4 * 1 - 3 * 5, 1200]);
    expect(await rig.texts(name, first)).toEqual(["x", "00197", "x", "00198", "x", "00199", "x"]);
  });

  test("of many messages, all at once", async () => {
    const { rig } = used;
    const name = await rig.make();
    await rig.append(
      name,
      Array.from({ length: 5000 }, () => "0123456789"),
    );
    expect(await rig.log.trim(name, { maxMessages: 1 })).toMatchObject({ info: { first: 49_990 } });
    await rig.append(name, ["end"]);
    expect(await rig.texts(name, 49_990)).toEqual(["0123456789", "end"]);
    await expectStatus(rig.log.read(name, 0, { maxBytes: 1 }), "trimmed");
  });
}
