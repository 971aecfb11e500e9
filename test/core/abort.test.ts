import { describe, expect, it } from "vitest";
import { LazySignal, isAbortError, readerLeft } from "../../src/core/abort.ts";

describe("a lazy signal", () => {
  it("aborts a signal that was asked for before", () => {
    const lazy = new LazySignal();
    const { signal } = lazy;
    const heard: unknown[] = [];
    signal.addEventListener("abort", () => heard.push(signal.reason));
    lazy.abort("first");
    lazy.abort("second");
    expect(heard).toEqual(["first"]);
    expect(lazy.signal).toBe(signal);
  });

  it("gives an aborted signal to who asks afterwards", () => {
    const lazy = new LazySignal();
    lazy.abort("first");
    lazy.abort("second");
    expect(lazy.aborted).toBe(true);
    expect(lazy.signal.aborted).toBe(true);
    expect(lazy.signal.reason).toBe("first");
  });

  it("is not aborted by being looked at", () => {
    expect(new LazySignal().signal.aborted).toBe(false);
  });
});

describe("the reason of a reader that left", () => {
  it("is an AbortError, as fetch words it", () => {
    expect(readerLeft().name).toBe("AbortError");
    expect(isAbortError(readerLeft())).toBe(true);
  });

  it.each([new Error("other"), "AbortError", null, { name: "AbortError" }])("is not taken for one: %s", (value) => {
    expect(isAbortError(value)).toBe(false);
  });
});
