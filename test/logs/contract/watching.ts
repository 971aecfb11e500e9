import { expect, test } from "vitest";
import { until } from "../../helpers/deadline.ts";
import { type OpenLog, useLog } from "./log-rig.ts";

export function describeWatching(open: OpenLog): void {
  const used = useLog(open);

  test.each<[what: string, change: (name: string) => Promise<unknown>]>([
    ["an append", (name) => used.rig.append(name, ["a"])],
    ["the end", (name) => used.rig.append(name, [], { close: true })],
    ["deletion", (name) => used.rig.log.delete(name)],
  ])("who watches a stream is told of %s", async (_what, change) => {
    const name = await used.rig.make();
    let told = 0;
    const unwatch = used.rig.log.watch(name, () => told++);
    await change(name);
    await until(() => told > 0, "the hint");
    unwatch();
  });

  test("of its creation, and of a fork's", async () => {
    const { rig } = used;
    const [name, fork] = [rig.name(), rig.name()];
    const told = new Set<string>();
    const unwatch = [name, fork].map((each) => rig.log.watch(each, () => told.add(each)));
    await rig.create(name, ["a"]);
    await until(() => told.has(name), "the hint");
    await rig.create(fork, [], { config: {}, fork: { from: name } });
    await until(() => told.has(fork), "the fork's hint");
    for (const stop of unwatch) stop();
  });

  test("of the end of its time", async () => {
    const { rig } = used;
    const name = await rig.make([], { config: { ttlSeconds: 1 } });
    let told = 0;
    const unwatch = rig.log.watch(name, () => told++);
    rig.nowMs += 1000;
    await until(() => told > 0, "the hint");
    unwatch();
  });

  test("when it is told, what has changed can be read", async () => {
    const { rig } = used;
    const name = await rig.make();
    const seen: number[] = [];
    const unwatch = rig.log.watch(name, () => void rig.info(name).then(({ next }) => seen.push(next)));
    await rig.append(name, ["abc"]);
    await until(() => seen.includes(3), "the change");
    unwatch();
  });

  test("who has stopped is not told, and nobody else is stopped", async () => {
    const { rig } = used;
    const name = await rig.make();
    const told = [0, 0, 0];
    // The same function twice is two who watch.
    const both = (): unknown => told[1]!++;
    const stops = [rig.log.watch(name, () => told[0]!++), rig.log.watch(name, both), rig.log.watch(name, both)];
    stops[0]!();
    stops[0]!();
    stops[1]!();
    const other = await rig.make();
    await rig.append(other, ["b"]);
    expect(told).toEqual([0, 0, 0]);
    await rig.append(name, ["a"]);
    await until(() => told[1]! > 0, "the hint");
    expect(told[0]).toBe(0);
    stops[2]!();
    const before = told[1];
    await rig.append(name, ["a"]);
    await rig.info(name);
    expect(told[1]).toBe(before);
  });

  test("who is told may stop, and watch anew", async () => {
    const { rig } = used;
    const name = await rig.make();
    let told = 0;
    let stop: () => void = () => {};
    const listen = (): void => {
      told++;
      stop();
      stop = rig.log.watch(name, listen);
    };
    stop = rig.log.watch(name, listen);
    await rig.append(name, ["a"]);
    await until(() => told > 0, "the hint");
    await rig.append(name, ["b"]);
    await until(() => told > 1, "the second hint");
    expect(told).toBeLessThan(10);
    stop();
  });
}
