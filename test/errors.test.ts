import { readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { ERROR_CODES, SluiceError, SluiceTypeError } from "sluice";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

function sources(): string {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && file !== "errors.ts")
    .map((file) => readFileSync(join(root, "src", file), "utf8"))
    .join("\n");
}

it("the codes of errors are in alphabetical order, each once", () => {
  expect([...ERROR_CODES]).toEqual([...new Set(ERROR_CODES)].toSorted());
});

it("docs/errors.md has a section for every code, and for no other", () => {
  const text = readFileSync(join(root, "docs/errors.md"), "utf8");
  const sections = text.split(/^### /mu).slice(1);
  expect(sections.map((section) => section.split("\n", 1)[0])).toEqual([...ERROR_CODES]);
  for (const section of sections) expect(section.split("\n").slice(1).join("").trim().length).toBeGreaterThan(40);
});

it("every code is made somewhere, and no other is", () => {
  const code = /(?:new Sluice(?:Type)?Error|super)\(\s*"(ERR_[A-Z_]+)"/gu;
  const made = new Set([...sources().matchAll(code)].map(([, name]) => name));
  expect([...made].toSorted((a, b) => a!.localeCompare(b!))).toEqual([...ERROR_CODES]);
});

it("every code that a comment names with its class is one", () => {
  const named = [...sources().matchAll(/Sluice(?:Type)?Error `(ERR_[A-Z_]+)`/gu)].map(([, name]) => name);
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(ERROR_CODES as readonly (string | undefined)[]).includes(name))).toEqual([]);
});

it("errors carry their code, name and cause", () => {
  const cause = new Error("first");
  for (const error of [
    new SluiceError("ERR_STALLED", "why", { cause }),
    new SluiceTypeError("ERR_ITEM_TYPE", "why", { cause }),
  ]) {
    expect(error).toBeInstanceOf(Error);
    expect([error.name, error.message, error.cause]).toEqual([error.constructor.name, "why", cause]);
    expect(ERROR_CODES).toContain(error.code);
  }
  expect(new SluiceTypeError("ERR_ITEM_TYPE", "why")).toBeInstanceOf(TypeError);
});
