import { expect, test } from "vitest";
import { LogRig, type OpenLog } from "./log-rig.ts";

export function describeLists(open: OpenLog): void {
  test("names with a prefix, in the order of their bytes", async () => {
    await using rig = await LogRig.open(open);
    const names = ["b", "a", "a/2", "a/10", "a/1", "A", "ä", "a\u{1f600}", "a\uffee", "a%", "a_", "a\0b"];
    for (const name of names) await rig.create(name);
    const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(await rig.log.list("")).toEqual(sorted);
    expect(await rig.log.list("a")).toEqual(sorted.filter((name) => name.startsWith("a")));
    expect(await rig.log.list("a/")).toEqual(["a/1", "a/10", "a/2"]);
    expect(await rig.log.list("a%")).toEqual(["a%"]);
    expect(await rig.log.list("c")).toEqual([]);
    expect(await rig.log.list("a/", { after: "a/1" })).toEqual(["a/10", "a/2"]);
    expect(await rig.log.list("a/", { after: "a/1", limit: 1 })).toEqual(["a/10"]);
    expect(await rig.log.list("a/", { limit: 2 })).toEqual(["a/1", "a/10"]);
    expect(await rig.log.list("a/", { limit: 0 })).toEqual([]);
    expect(await rig.log.list("a/", { after: "b" })).toEqual([]);
    expect(await rig.log.list("b", { after: "a" })).toEqual(["b"]);
  });

  test("a thousand, unless more are wanted", async () => {
    await using rig = await LogRig.open(open);
    const names = Array.from({ length: 1002 }, (_, index) => `s${String(index).padStart(5, "0")}`);
    await Promise.all(names.map((name) => rig.create(name)));
    expect(await rig.log.list("s")).toEqual(names.slice(0, 1000));
    expect(await rig.log.list("s", { after: names[999]! })).toEqual(names.slice(1000));
    expect(await rig.log.list("s", { limit: 5000 })).toEqual(names);
  });

  test("without those that are over", async () => {
    await using rig = await LogRig.open(open);
    await rig.create("a", [], { config: { ttlSeconds: 10 } });
    await rig.create("b", [], { config: { expiresAtMs: rig.nowMs + 5000 } });
    await rig.create("c");
    await rig.create("d", [], { config: {}, fork: { from: "c" } });
    await rig.log.delete("c");
    expect(await rig.log.list("")).toEqual(["a", "b", "d"]);
    rig.nowMs += 9000;
    expect(await rig.log.list("")).toEqual(["a", "d"]);
    await rig.log.touch("a");
    rig.nowMs += 9000;
    expect(await rig.log.list("")).toEqual(["a", "d"]);
    rig.nowMs += 1000;
    expect(await rig.log.list("")).toEqual(["d"]);
  });
}
