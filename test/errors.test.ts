import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ERROR_CODES, HttpError } from "../src/errors.ts";

const ROOT = join(import.meta.dirname, "..");

describe("the catalogue of errors", () => {
  it("has every code in docs/errors.md, and no other", () => {
    const documented = [...readFileSync(join(ROOT, "docs/errors.md"), "utf8").matchAll(/^### (ERR_\w+)$/gmu)];
    expect(documented.map(([, code]) => code)).toEqual([...ERROR_CODES]);
  });

  it("has no code that is never thrown", () => {
    const sources = globSync("src/**/*.ts", { cwd: ROOT })
      .filter((path) => path !== "src/errors.ts")
      .map((path) => readFileSync(join(ROOT, path), "utf8"))
      .join("\n");
    expect(ERROR_CODES.filter((code) => !sources.includes(`"${code}"`))).toEqual([]);
  });
});

describe("an HttpError", () => {
  it.each([200, 399, 600, 404.5])("has no status %d", (status) => {
    expect(() => new HttpError(status)).toThrow(RangeError);
  });
});
