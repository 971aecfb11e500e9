import { expect, test } from "vitest";
import type { EventLog } from "../../../src/logs/event-log.ts";
import { LogRig, type OpenLog, toBytes, toCreate } from "./log-rig.ts";

export function describeClosing(open: OpenLog): void {
  const CALLS: [string, (log: EventLog) => Promise<unknown>][] = [
    ["create", (log) => log.create("b", toCreate())],
    ["append", (log) => log.append("a", { messages: [toBytes("x")] })],
    ["read", (log) => log.read("a", 0, { maxBytes: 1 })],
    ["info", (log) => log.info("a")],
    ["list", (log) => log.list("")],
    ["trim", (log) => log.trim("a", {})],
    ["touch", (log) => log.touch("a")],
    ["delete", (log) => log.delete("a")],
    ["acquireLease", (log) => log.acquireLease("a", "me", 1)],
    ["renewLease", (log) => log.renewLease("a", { holder: "me", epoch: 1 }, 1)],
    ["releaseLease", (log) => log.releaseLease("a", { holder: "me", epoch: 1 })],
    ["abandoned", (log) => log.abandoned()],
  ];

  test("what was asked before is answered, what comes later is refused", async () => {
    const rig = await LogRig.open(open);
    await rig.create("a", ["one"]);
    const asked = [rig.append("a", ["two"]), rig.info("a"), rig.page("a"), rig.append("a", ["three"])];
    const closing = rig.log.close();
    for (const [what, call] of CALLS)
      await expect.soft(call(rig.log), what).rejects.toMatchObject({ code: "ERR_LOG", message: "The log is closed" });
    await expect(Promise.all(asked)).resolves.toHaveLength(4);
    await closing;
    for (const [what, call] of CALLS) await expect.soft(call(rig.log), what).rejects.toMatchObject({ code: "ERR_LOG" });
    rig.log.watch("a", () => {})();
  });

  test("it can be closed twice", async () => {
    const rig = await LogRig.open(open);
    await Promise.all([rig.log.close(), rig.log.close()]);
    await rig.log.close();
  });
}
