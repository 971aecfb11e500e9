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

export default defineConfig({
  resolve: { alias },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Memory ceilings are measured after a collection.
    execArgv: ["--expose-gc"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
