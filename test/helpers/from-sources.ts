/** For `node --import`: what users import, `sluice/…`, comes from the sources, as it does in tests. */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";

const root = new URL("../../", import.meta.url);
const { exports: subpaths } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  exports: Record<string, { default?: string }>;
};

registerHooks({
  resolve(specifier, context, nextResolve) {
    const built = /^sluice(?=\/|$)/u.test(specifier)
      ? subpaths[`.${specifier.slice("sluice".length)}`]?.default
      : undefined;
    if (built === undefined) return nextResolve(specifier, context);
    const source = built.replace("./dist/", "src/").replace(/\.js$/u, ".ts");
    return { url: new URL(source, root).href, format: "module-typescript", shortCircuit: true };
  },
});
