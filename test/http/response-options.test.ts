import { describe, expect, it } from "vitest";
import { captureOrigin, resolveHeaders, resolveResponseOptions } from "../../src/http/response-options.ts";

describe("the options of a response", () => {
  it("have these defaults", () => {
    expect(resolveResponseOptions({})).toEqual({
      status: 200,
      commitAfterMs: 100,
      stallTimeoutMs: 300_000,
      compress: undefined,
      onFinish: undefined,
      leakReportMs: 5_000,
    });
  });

  it("are taken as they are given", () => {
    const onFinish = (): void => {};
    const given = {
      status: 206,
      commitAfterMs: 0,
      stallTimeoutMs: Infinity,
      compress: true,
      onFinish,
      leakReportMs: 1.5,
    };
    expect(resolveResponseOptions(given)).toEqual(given);
  });

  it.each([199, 600, 204, 205, 304, 200.5, Number.NaN, "200"])("refuse the status %s", (status) => {
    expect(() => resolveResponseOptions({ status: status as number })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION", message: expect.stringContaining("status") as string }),
    );
  });

  it.each(["commitAfterMs", "stallTimeoutMs", "leakReportMs"])("refuse a %s that is no time", (name) => {
    for (const value of [-1, Number.NaN, "5", null]) {
      expect(() => resolveResponseOptions({ [name]: value })).toThrow(
        expect.objectContaining({
          code: "ERR_INVALID_OPTION",
          message: `${name} is a number of ms ≥ 0, or Infinity; got ${value}`,
        }),
      );
    }
  });
});

describe("the fields of a response", () => {
  it("are the defaults, the filename, and what was given, which wins", () => {
    const headers = resolveHeaders(
      { filename: "a.csv", headers: { "content-type": "text/csv", "X-Own": "1" } },
      { "Content-Type": "text/plain", "X-Default": "2" },
    );
    expect(Object.fromEntries(headers)).toEqual({
      "content-disposition": 'attachment; filename="a.csv"',
      "content-type": "text/csv",
      "x-default": "2",
      "x-own": "1",
    });
  });

  it("may be given in every form, with more than one cookie", () => {
    const pairs: [string, string][] = [
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["X-Own", "1"],
      ["X-Own", "2"],
    ];
    for (const given of [pairs, new Headers(pairs)]) {
      const headers = resolveHeaders({ headers: given }, {});
      expect(headers.getSetCookie()).toEqual(["a=1", "b=2"]);
      expect(headers.get("X-Own")).toBe("1, 2");
    }
  });
});

describe("the origin of a response", () => {
  it("is the line that made it, and leaves the length of stacks as it was", () => {
    const limit = Error.stackTraceLimit;
    function make(): { stack?: string } {
      return captureOrigin(make);
    }
    const { stack } = make();
    expect(stack).toMatch(/^.*\n\s+at .*response-options\.test\.ts/u);
    expect(Error.stackTraceLimit).toBe(limit);
  });
});
