import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

const { exports: subpaths } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8")) as {
  exports: Record<string, { default?: string }>;
};

/** Tests and examples import what users import, `sluice/…`, and get it from the sources. */
const alias = Object.entries(subpaths).flatMap(([subpath, { default: built }]) => {
  if (built === undefined) return [];
  const source = built.replace("./dist/", "src/").replace(/\.js$/, ".ts");
  return [{ find: new RegExp(`^sluice${subpath.slice(1)}$`), replacement: `${import.meta.dirname}/${source}` }];
});

const TESTS = ["test/**/*.test.ts"];
/** What measures memory, or watches a browser play in real time. */
const ALONE = ["test/memory/**/*.test.ts", "test/browser/**/*.test.ts", "test/server/video.test.ts"];

export default defineConfig({
  resolve: { alias },
  test: {
    pool: "forks",
    // Memory ceilings are measured after a collection.
    execArgv: ["--expose-gc"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      // A neighbour's work must not count against them: one after another, when the others are through.
      { extends: true, test: { name: "alone", include: ALONE, maxWorkers: 1, sequence: { groupOrder: 1 } } },
      { extends: true, test: { name: "together", include: TESTS, exclude: ALONE, maxWorkers: 2 } },
    ],
  },
});
