import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, posix, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LAYERS, overrides, placeOf, visibleFrom } from "../../scripts/layers.mjs";

const repository = resolve(import.meta.dirname, "../..");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sluice-layers-"));
  for (const file of [".oxlintrc.json", "scripts/layers.mjs"]) cpSync(join(repository, file), join(folder, file));
  const tsconfig = { extends: join(repository, "tsconfig.json"), compilerOptions: { types: [] }, include: ["."] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}

/** Runs the linter; returns what it found as `rule file:line`, each once. */
function lint(...options: string[]): string[] {
  const bin = join(repository, "node_modules/.bin");
  const { stdout, stderr } = spawnSync(join(bin, "oxlint"), ["--format=json", ...options], {
    cwd: folder,
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}` },
    maxBuffer: 2 ** 25,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[];
  };
  const found = diagnostics.map(({ code, filename, labels }) => `${code} ${filename}:${labels[0]?.span.line ?? 0}`);
  return [...new Set(found)].toSorted();
}

function layers(...options: string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [join(folder, "scripts/layers.mjs"), ...options], { encoding: "utf8" });
}

describe("the import rule", () => {
  it.each([
    ["src/errors.ts", "./core/body.ts"],
    ["src/core/body.ts", "../http/range.ts"],
    ["src/core/body.ts", "node:fs"],
    ["src/http/range.ts", "node:stream/web"],
    ["src/http/range.ts", "../node/serve.ts"],
    ["src/client/follow.ts", "node:fs/promises"],
    ["src/client/follow.ts", "../index.ts"],
    ["src/representation/spool.ts", "../logs/event-log.ts"],
    ["src/logs/event-log.ts", "./memory.ts"],
    ["src/rows/response.ts", "../events/response.ts"],
    ["src/rows/response.ts", "./databases/sqlite.ts"],
    ["src/rows/formats/csv.ts", "../databases/sqlite.ts"],
    ["src/streams/tail.ts", "../logs/memory.ts"],
    ["src/files/response.ts", "./stores/s3.ts"],
    ["src/files/stores/directory.ts", "./s3.ts"],
    ["src/files/response.ts", "../index.ts"],
    ["src/index.ts", "./rows/databases/sqlite.ts"],
    ["src/index.ts", "./node/serve.ts"],
    ["src/node/serve.ts", "../files/response.ts"],
    ["src/adapters/fastify.ts", "../server/app.ts"],
    ["src/server/app.ts", "../cli/main.ts"],
    ["src/core/body.ts", "../../test/helper.ts"],
    ["src/core/body.ts", "sluice/node"],
  ])("keeps %s from importing %s", (file, specifier) => {
    write({
      [file]: [
        `import "${specifier}";`,
        `import type { A } from "${specifier}";`,
        `export * from "${specifier}";`,
        `export const b = await import("${specifier}");`,
        "export type { A };",
      ].join("\n"),
    });
    const found = lint().filter((finding) => finding.includes("no-restricted-imports"));
    expect(found).toEqual([1, 2, 3, 4].map((line) => `eslint(no-restricted-imports) ${file}:${line}`));
  });

  it.each([
    ["src/core/body.ts", "../errors.ts"],
    ["src/core/body.ts", "./chunks/slice.ts"],
    ["src/core/chunks/slice.ts", "../body.ts"],
    ["src/http/event-stream/codec.ts", "../../core/body.ts"],
    ["src/rows/response.ts", "../representation/spool.ts"],
    ["src/streams/tail.ts", "../logs/event-log.ts"],
    ["src/logs/memory.ts", "./event-log.ts"],
    ["src/rows/databases/sqlite.ts", "../row-source.ts"],
    ["src/files/response.ts", "./stores/directory.ts"],
    ["src/files/stores/directory.ts", "../store.ts"],
    ["src/files/stores/s3.ts", "../store.ts"],
    ["src/index.ts", "./rows/response.ts"],
    ["src/adapters/fastify.ts", "../node/send.ts"],
    ["src/node/serve.ts", "node:http2"],
    ["src/server/app.ts", "../rows/databases/sqlite.ts"],
    ["src/server/app.ts", "../index.ts"],
    ["src/cli/main.ts", "../server/app.ts"],
    ["src/cli/main.ts", "commander"],
  ])("lets %s import %s", (file, specifier) => {
    write({ [file]: `import { a } from "${specifier}";\nexport const b = a;` });
    expect(lint().filter((finding) => finding.includes("no-restricted-imports"))).toEqual([]);
  });

  it("holds between every two layers, however deep in its folder a file lies", () => {
    const paths = Object.values(LAYERS).flatMap((layer) => layer.paths);
    const inside = (path: string, below = ""): string => (path.endsWith(".ts") ? path : `${path}${below}/a.ts`);
    const expected: string[] = [];
    for (const path of paths) {
      for (const below of ["", "/b", "/b/c"]) {
        const file = inside(path, below);
        const from = placeOf(file)?.layer ?? "";
        const imports = paths.map((target) => {
          const specifier = posix.relative(dirname(file), inside(target));
          return `import "${specifier.startsWith(".") ? specifier : `./${specifier}`}";`;
        });
        for (const [index, target] of paths.entries()) {
          const to = placeOf(inside(target))?.layer ?? "";
          const finding = `eslint(no-restricted-imports) ${file}:${index + 1}`;
          if (!visibleFrom(from).includes(to) && !expected.includes(finding)) expected.push(finding);
        }
        write({ [file]: imports.join("\n") });
      }
    }
    expect(expected.length).toBeGreaterThan(500);
    expect(lint().filter((finding) => finding.includes("no-restricted-imports"))).toEqual(expected.toSorted());
  });

  it("has no circle in its table", () => {
    for (const layer of Object.keys(LAYERS)) {
      for (const seen of LAYERS[layer]?.sees ?? []) expect(visibleFrom(seen)).not.toContain(layer);
    }
  });
});

describe("the other rules", () => {
  it("finds circles, of types too", () => {
    write({
      "src/core/a.ts": 'import type { B } from "./b.ts";\nexport interface A {\n  b: B;\n}\n',
      "src/core/b.ts": 'import type { A } from "./a.ts";\nexport interface B {\n  a: A;\n}\n',
    });
    expect(lint()).toEqual(["import(no-cycle) src/core/a.ts:1", "import(no-cycle) src/core/b.ts:1"]);
  });

  it("finds a promise nobody waits for, in src/ and in tests", () => {
    const text = "async function a(): Promise<void> {}\nexport function b(): void {\n  a();\n}\n";
    write({ "src/core/a.ts": text, "test/core/a.test.ts": text });
    expect(lint("--type-aware")).toEqual([
      "typescript(no-floating-promises) src/core/a.ts:3",
      "typescript(no-floating-promises) test/core/a.test.ts:3",
    ]);
  });

  it("finds an async function given where its promise is dropped", () => {
    write({ "src/core/a.ts": "export const a = (b: string[]): void => b.forEach(async () => {});\n" });
    expect(lint("--type-aware")).toContain("typescript(no-misused-promises) src/core/a.ts:1");
  });

  it("finds default exports and files of more than 400 lines of code", () => {
    const lines = (count: number): string => "// a comment\n\nexport {};\n".repeat(count);
    write({ "src/core/a.ts": lines(400), "src/core/b.ts": lines(401), "src/core/c.ts": "export default 1;\n" });
    const rules = lint().map((finding) => finding.replace(/:\d+$/, ""));
    expect(rules).toContain("eslint(max-lines) src/core/b.ts");
    expect(rules).not.toContain("eslint(max-lines) src/core/a.ts");
    expect(rules).toContain("import(no-default-export) src/core/c.ts");
  });
});

describe("layers.mjs", () => {
  it("is what .oxlintrc.json was made from", () => {
    expect(layers("--check")).toMatchObject({ status: 0, stderr: "" });
    expect(overrides().length).toBeGreaterThan(Object.keys(LAYERS).length);
  });

  it("fails on a configuration that was edited, and makes it right", () => {
    writeFileSync(join(folder, ".oxlintrc.json"), '{\n  "rules": {},\n  "overrides": [\n  ]\n}\n');
    expect(layers("--check")).toMatchObject({ status: 1, stderr: expect.stringContaining("out of date") as string });
    expect(layers()).toMatchObject({ status: 0 });
    expect(layers("--check")).toMatchObject({ status: 0 });
  });

  it("fails on a file the table says nothing of", () => {
    write({ "src/utils/a.ts": "", "src/b.ts": "", "src/core/c/d/e/f.ts": "" });
    const { status, stderr } = layers("--check");
    expect(status).toBe(1);
    for (const file of ["src/utils/a.ts", "src/b.ts", "src/core/c/d/e/f.ts"]) expect(stderr).toContain(file);
  });
});
