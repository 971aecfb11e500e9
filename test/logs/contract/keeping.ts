import { expect, test } from "vitest";
import { skip } from "../../faults/support/scale.ts";
import { LogRig, type OpenLog, expectStatus, toBytes } from "./log-rig.ts";

export function describeKeeping(open: OpenLog): void {
  /** A test of a log that is kept. */
  function testKept(title: string, run: (rig: LogRig) => Promise<void>): void {
    test(title, async (context) => {
      await using rig = await LogRig.open(open, { producerTtlMs: 100_000 });
      if (!rig.isKept) return skip(context, "this log is not kept");
      await run(rig);
    });
  }

  testKept("a log that is opened again has everything it had", async (rig) => {
    await rig.create("one", ["a", "b"], { config: { contentType: "text/plain", isPublic: true, ttlSeconds: 60 } });
    await rig.create("two", ["c"], { closed: true });
    const fork = await rig.fork("one", { at: 1 });
    await rig.append(fork, ["z"], { seq: "7", producer: { id: "p", epoch: 2, seq: 0 } });
    await rig.append("one", ["d"], { close: true, failure: "why" });
    await rig.log.trim("one", { before: 1 });
    await rig.create("gone", ["g"]);
    const heir = await rig.fork("gone");
    await rig.log.delete("gone");
    const names = await rig.log.list("");
    const infos = await Promise.all(names.map((name) => rig.log.info(name)));
    await rig.reopen();
    expect(await rig.log.list("")).toEqual(names);
    expect(await Promise.all(names.map((name) => rig.log.info(name)))).toEqual(infos);
    expect(await rig.texts("one", 1)).toEqual(["b", "d"]);
    expect(await rig.texts(fork, 1)).toEqual(["z"]);
    expect([await rig.status("gone"), await rig.texts(heir)]).toEqual(["gone", ["g"]]);
    const repeated = { messages: [toBytes("z")], seq: "7", producer: { id: "p", epoch: 2, seq: 0 } };
    await expectStatus(rig.log.append(fork, repeated), "duplicate");
    await expectStatus(rig.log.append(fork, { messages: [toBytes("z")], seq: "7" }), "seq");
    await rig.append(fork, ["y"], { seq: "8", producer: { id: "p", epoch: 2, seq: 1 } });
  });

  testKept("when it was used last is kept", async (rig) => {
    const config = { contentType: "text/plain", ttlSeconds: 10 };
    const [read, left] = [await rig.make(["a"], { config }), await rig.make(["a"], { config })];
    rig.nowMs += 9000;
    await rig.page(read);
    await rig.reopen();
    rig.nowMs += 9000;
    expect([await rig.status(read), await rig.status(left)]).toEqual(["there", "missing"]);
    rig.nowMs += 1000;
    expect(await rig.status(read)).toBe("missing");
  });

  testKept("what its processes wrote when it was closed is abandoned, and their leases don't count", async (rig) => {
    const name = await rig.make(["a"]);
    const lease = (await rig.log.acquireLease(name, "one", 1e9))!;
    const other = await rig.make(["a"]);
    await rig.log.releaseLease(other, (await rig.log.acquireLease(other, "one", 1e9))!);
    expect(await rig.log.abandoned()).toEqual([]);
    await rig.reopen();
    expect(await rig.log.abandoned()).toEqual([name]);
    await expectStatus(rig.log.append(name, { messages: [toBytes("b")], lease }), "lease lost");
    const later = (await rig.log.acquireLease(name, "two", 1000))!;
    expect(later.epoch).toBeGreaterThan(lease.epoch);
    expect(await rig.log.abandoned()).toEqual([]);
  });
}
