import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";

const ROOT = join(import.meta.dirname, "../..");
/** It comes with vitest. */
const BUNDLER = join(ROOT, "node_modules/rolldown/bin/cli.mjs");
const MAX_BYTES = 4000;

const folder = temporaryFolder();

test("what a page loads to follow streams is small", async () => {
  const args = ["src/client/index.ts", "--minify", "--format", "esm", "--dir", folder.path];
  await promisify(execFile)(process.execPath, [BUNDLER, ...args], { cwd: ROOT });
  expect(readdirSync(folder.path)).toEqual(["index.js"]);
  const code = readFileSync(join(folder.path, "index.js"));
  expect(code.toString()).not.toMatch(/\bimport\b/u);
  expect(gzipSync(code).byteLength).toBeLessThan(MAX_BYTES);
});
