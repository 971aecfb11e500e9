/**
 * Imports point one way. This table says which, and the linter holds everyone to it.
 *
 *   node scripts/layers.mjs            writes the table into .oxlintrc.json, as `no-restricted-imports` per folder
 *   node scripts/layers.mjs --check    fails when .oxlintrc.json, or a file under src/, doesn't fit the table
 */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { posix } from "node:path";

/**
 * @typedef {object} Layer
 * @property {string[]} paths folders, and single files, that make up the layer; what lies deeper belongs to the deepest
 * @property {string[]} sees the layers it imports; it may import what those see, too
 * @property {boolean} [portable] runs where there is no Node
 */

/** @type {Record<string, Layer>} */
export const LAYERS = {
  errors: { paths: ["src/errors.ts"], sees: [], portable: true },
  core: { paths: ["src/core"], sees: ["errors"], portable: true },
  http: { paths: ["src/http"], sees: ["core"], portable: true },

  compression: { paths: ["src/compression"], sees: ["http"] },
  representation: { paths: ["src/representation"], sees: ["compression"] },
  "event log": { paths: ["src/logs/event-log.ts"], sees: ["http"] },

  // Features: they don't know one another, and they don't know the drivers.
  streaming: { paths: ["src/streaming"], sees: ["representation", "event log"] },
  files: { paths: ["src/files", "src/files/stores/directory.ts"], sees: ["representation", "event log"] },
  events: { paths: ["src/events"], sees: ["representation", "event log"] },
  rows: { paths: ["src/rows"], sees: ["representation", "event log"] },
  streams: { paths: ["src/streams"], sees: ["representation", "event log"] },
  index: { paths: ["src/index.ts"], sees: ["streaming", "files", "events", "rows", "streams"] },

  // Drivers: imported by whoever wires things up.
  stores: { paths: ["src/files/stores"], sees: ["files"] },
  databases: { paths: ["src/rows/databases"], sees: ["rows"] },
  logs: { paths: ["src/logs"], sees: ["event log"] },

  node: { paths: ["src/node"], sees: ["compression"] },
  adapters: { paths: ["src/adapters"], sees: ["node"] },
  client: { paths: ["src/client"], sees: ["http"], portable: true },

  server: { paths: ["src/server"], sees: ["index", "stores", "databases", "logs", "adapters", "client"] },
  cli: { paths: ["src/cli"], sees: ["server"] },
};

/** How many folders deep below its own a layer's files may lie. */
const DEPTH = 2;
const CONFIG = ".oxlintrc.json";
const RULE = "no-restricted-imports";

const places = Object.entries(LAYERS).flatMap(([layer, { paths }]) => paths.map((path) => ({ layer, path })));

/**
 * Every layer that `layer` may import, itself first.
 *
 * @param {string} layer
 */
export function visibleFrom(layer) {
  const visible = new Set([layer]);
  for (const seen of visible) for (const next of LAYERS[seen]?.sees ?? []) visible.add(next);
  return [...visible];
}

/**
 * Where in the table a file stands: of the paths that hold it, at the longest.
 *
 * @param {string} file from the root of the repository, with `/` between folders
 */
export function placeOf(file) {
  const holding = places.filter(({ path }) => file === path || file.startsWith(`${path}/`));
  return holding.toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** The table as oxlint's overrides. Of two that match a file the later one wins, so the longer path comes later. */
export function overrides() {
  return places
    .toSorted((a, b) => a.path.split("/").length - b.path.split("/").length)
    .flatMap(({ layer, path }) => {
      if (path.endsWith(".ts")) return [override(layer, path)];
      return Array.from({ length: DEPTH + 1 }, (_, depth) => override(layer, `${path}${"/*".repeat(depth)}/*.ts`));
    });
}

/**
 * @param {string} layer
 * @param {string} files a file's path, or a pattern for the files of one folder
 */
function override(layer, files) {
  /** @param {string} path what an import in `files` has to say to mean `path` */
  const specifier = (path) => {
    const relative = posix.relative(posix.dirname(files), path) || ".";
    return (relative.startsWith(".") ? relative : `./${relative}`) + (path.endsWith(".ts") ? "" : "/**");
  };
  const [, ...others] = visibleFrom(layer);
  const hidden = places.filter((place) => place.layer !== layer && !others.includes(place.layer));
  // A hidden folder may hold a file that isn't: the contract among its drivers.
  const visibleInside = places.filter(
    (place) => !hidden.includes(place) && hidden.some(({ path }) => place.path.startsWith(`${path}/`)),
  );
  const patterns = [
    {
      group: [specifier(""), "sluice", "sluice/**"],
      message: "Files in src/ import files in src/, by their path.",
    },
    {
      group: [...hidden.map(({ path }) => specifier(path)), ...visibleInside.map(({ path }) => `!${specifier(path)}`)],
      message: `${layer} may import ${others.join(", ") || "nothing"} (scripts/layers.mjs).`,
    },
  ];
  if (LAYERS[layer]?.portable) {
    patterns.push({ group: ["node:*", "node:*/**"], message: `${layer} also runs where there is no Node.` });
  }
  return { files: [files], rules: { [RULE]: ["error", { patterns }] } };
}

/** @param {string} config the linter's configuration; what stands in it by hand is kept as it is */
function withOverrides(config) {
  const start = '\n  "overrides": [';
  const byHand = config.slice(0, config.indexOf(start));
  const kept = JSON.parse(config).overrides.filter(
    /** @param {{ rules: object }} entry */ (entry) => !(RULE in entry.rules),
  );
  const lines = [...kept, ...overrides()].map((entry) => `\n    ${JSON.stringify(entry)}`);
  return `${byHand}${start}${lines.join(",")}\n  ]\n}\n`;
}

if (import.meta.main) {
  process.chdir(posix.dirname(import.meta.dirname));
  const before = readFileSync(CONFIG, "utf8");
  const after = withOverrides(before);
  const strays = globSync("src/**/*.ts").filter((file) => {
    const path = placeOf(file)?.path;
    return path === undefined || file.split("/").length > path.split("/").length + DEPTH + 1;
  });
  for (const file of strays) console.error(`${file} lies in no layer, or too deep: see scripts/layers.mjs.`);
  if (strays.length > 0) process.exitCode = 1;
  if (process.argv.includes("--check") && after !== before) {
    console.error(`${CONFIG} is out of date: run node scripts/layers.mjs.`);
    process.exitCode = 1;
  } else writeFileSync(CONFIG, after);
}
