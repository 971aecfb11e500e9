import { execFile } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const BLOCK = /^```ts\n(.*?)^```$/gmsu;

/** In the checkout, so that imports of packages are found; nothing there is kept by git. */
const FOLDER = join(ROOT, "node_modules/.cache/docs");

test("every TypeScript block of the README and the docs compiles", { timeout: 60_000 }, async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const names: string[] = [];
  for (const page of ["README.md", ...globSync("docs/*.md", { cwd: ROOT })]) {
    const blocks = [...readFileSync(join(ROOT, page), "utf8").matchAll(BLOCK)];
    for (const [index, [, code]] of blocks.entries()) {
      const name = `${page.replaceAll("/", "-")}-${index + 1}.ts`;
      names.push(name);
      writeFileSync(join(FOLDER, name), code!);
    }
  }
  expect(names.length).toBeGreaterThan(4);
  writeFileSync(
    join(FOLDER, "tsconfig.json"),
    JSON.stringify({
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions: { rootDir: ROOT },
      include: ["*.ts"],
      files: names,
    }),
  );
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const result = await promisify(execFile)(process.execPath, [tsc, "-p", FOLDER, "--pretty", "false"]).catch(
    (error: { stdout: string }) => error,
  );
  expect(result.stdout).toBe("");
});

test("every page that the README and the docs link to is there", () => {
  const missing: string[] = [];
  for (const page of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...globSync("docs/*.md", { cwd: ROOT })]) {
    for (const [, target] of readFileSync(join(ROOT, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/gu)) {
      const path = join(ROOT, page, "..", target!);
      if (globSync(path).length === 0) missing.push(`${page}: ${target}`);
    }
  }
  expect(missing).toEqual([]);
});
