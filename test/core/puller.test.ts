import { describe, expect, it } from "vitest";
import { DeferredPuller, EmptyAnswer, type Item, type Puller } from "../../src/core/puller.ts";
import { turns } from "../helpers/pump-rig.ts";

function watched(items: Item[] = ["a"]): Puller & { log: string[] } {
  const log: string[] = [];
  return {
    log,
    pull() {
      log.push("pull");
      return items.shift();
    },
    cancel: (reason) => log.push(`cancel ${String(reason)}`),
  };
}

describe("a puller that is still being made", () => {
  it("pulls from what was made", async () => {
    const made = watched(["a", "b"]);
    const deferred = new DeferredPuller(Promise.resolve(made));
    expect(await deferred.pull()).toBe("a");
    expect(deferred.pull()).toBe("b");
    expect(deferred.pull()).toBeUndefined();
  });

  it("fails as its making fails", async () => {
    const deferred = new DeferredPuller(Promise.reject(new Error("no connection")));
    await expect(deferred.pull()).rejects.toThrow("no connection");
  });

  it("cancels what is made after it was cancelled, and pulls nothing from it", async () => {
    let make: (puller: Puller) => void = () => {};
    const deferred = new DeferredPuller(new Promise<Puller>((resolve) => (make = resolve)));
    const pulled = deferred.pull();
    deferred.cancel("left");
    const made = watched();
    make(made);
    expect(await pulled).toBeUndefined();
    expect(made.log).toEqual(["cancel left"]);
  });

  it("cancels what is made also where nothing was pulled before", async () => {
    const made = watched();
    new DeferredPuller(Promise.resolve(made)).cancel("left");
    await turns(2);
    expect(made.log).toEqual(["cancel left"]);
  });

  it("keeps a failed making to itself where it was cancelled and never pulled", async () => {
    // An unhandled rejection would fail the run.
    new DeferredPuller(Promise.reject(new Error("no connection"))).cancel("left");
    await turns(2);
    expect(new EmptyAnswer(204).status).toBe(204);
  });

  it("passes the cancelling on once it is made", async () => {
    const made = watched();
    const deferred = new DeferredPuller(Promise.resolve(made));
    await deferred.pull();
    deferred.cancel("left");
    expect(made.log).toEqual(["pull", "cancel left"]);
  });
});
