import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const repository = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(repository, file), "utf8");

const { exports: subpaths, bin } = JSON.parse(read("package.json")) as {
  exports: Record<string, string | Record<string, string>>;
  bin: Record<string, string>;
};

/** What is built, and what it is built from. */
const sourceOf = (built: string): string => built.replace(/^(\.\/)?dist\//, "./src/").replace(/(\.d)?\.[jt]s$/, ".ts");

it("exports what has a source, by the name under which tests and examples find it", () => {
  const names: Record<string, string[]> = {};
  for (const [subpath, conditions] of Object.entries(subpaths)) {
    if (typeof conditions === "string") continue;
    const sources = [...new Set(Object.values(conditions).map(sourceOf))];
    expect(sources.filter((source) => existsSync(join(repository, source)))).toHaveLength(1);
    names[`sluice${subpath.slice(1)}`] = sources;
  }
  const withoutComments = read("tsconfig.json").replaceAll(/^\s*\/\/.*$/gm, "");
  const { compilerOptions } = JSON.parse(withoutComments) as { compilerOptions: { paths: Record<string, string[]> } };
  expect(compilerOptions.paths).toEqual(names);
});

it("starts the command with a line that finds Node", () => {
  for (const built of Object.values(bin)) expect(read(sourceOf(built))).toMatch(/^#!\/usr\/bin\/env node\n/);
});

it("locks every package for every platform, by its content and not by where it was downloaded", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { resolved?: string; integrity?: string; optionalDependencies?: Record<string, string> }>;
  };
  for (const [place, { resolved, integrity, optionalDependencies = {} }] of Object.entries(packages)) {
    if (place === "") continue;
    expect({ place, resolved, integrity }).toEqual({ place, integrity: expect.stringMatching(/^sha512-/) as string });
    // A lock that lacks another platform's package is refused by `npm ci` from npm 11 on.
    for (const name of Object.keys(optionalDependencies)) {
      const places = [`${place}/node_modules/${name}`, `node_modules/${name}`];
      expect(Object.keys(packages), `${name}, which ${place} names`).toSatisfy((known: string[]) =>
        places.some((wanted) => known.includes(wanted)),
      );
    }
  }
});
