import { afterEach, describe, expect, it, vi } from "vitest";
import { type Report, report, setReporter } from "../../src/core/report.ts";
import { turns } from "../helpers/pump-rig.ts";

const entry: Report = { code: "SOURCE_FAILED", message: "The source failed", error: new Error("broken") };

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("a report", () => {
  it("is a warning of the process, with the error's stack as its detail, until somebody asks for it", async () => {
    const warnings: (Error & { code?: string; detail?: string })[] = [];
    process.once("warning", (warning) => warnings.push(warning));
    // Node prints warnings to stderr itself.
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    report(entry);
    await turns(2);
    expect(warnings).toMatchObject([{ name: "SluiceWarning", code: "SOURCE_FAILED", message: "The source failed" }]);
    expect(warnings[0]?.detail).toBe((entry.error as Error).stack);
  });

  it("goes to the console where there are no warnings", () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    vi.stubGlobal("process", undefined);
    report(entry);
    vi.unstubAllGlobals();
    expect(warn).toHaveBeenCalledWith("SluiceWarning [SOURCE_FAILED]: The source failed", entry.error);
  });

  it("goes to whoever asked for it", () => {
    const heard: Report[] = [];
    setReporter((next) => heard.push(next));
    report(entry);
    expect(heard).toEqual([entry]);
  });
});
