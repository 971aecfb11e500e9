/** The servers that are compared: what each needs, and how it is started. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findCommand } from "./command-peer.ts";
import { compile } from "./compile.ts";
import { findNginx } from "./nginx-peer.ts";
import type { FoundPeer, MissingPeer } from "./peer.ts";
import { postgresFolder, withPostgres } from "./postgres-server.ts";
import { findPython } from "./python-peer.ts";

const PEERS_FOLDER = fileURLToPath(new URL("../peers/", import.meta.url));
const COMMAND_RUNS = `${PEERS_FOLDER}command-runs.ts`;
const COMMAND_ROWS = `${PEERS_FOLDER}command-rows.ts`;

async function findNode(name: string, packages: string[]): Promise<FoundPeer | MissingPeer> {
  const require = createRequire(import.meta.url);
  const versions = [`node ${process.versions.node}`];
  for (const wanted of packages) {
    const manifest = require.resolve
      .paths(wanted)
      ?.map((path) => `${path}/${wanted}/package.json`)
      .find(existsSync);
    if (manifest === undefined) return { name, missing: `npm package ${wanted} is not installed` };
    versions.push(`${wanted} ${(require(manifest) as { version: string }).version}`);
  }
  const file = `${PEERS_FOLDER}${name}.ts`;
  const command = [process.execPath, "--expose-gc", "--import", `${PEERS_FOLDER}collect-garbage.ts`, file];
  return { name, versions: versions.join(", "), collectsGarbage: true, prepare: async () => ({ command }) };
}

async function findKernel(folder: string): Promise<FoundPeer | MissingPeer> {
  const program = join(folder, "kernel");
  const compiler = await compile([`${PEERS_FOLDER}kernel.c`], program);
  if (compiler === undefined) return { name: "kernel", missing: "no C compiler" };
  const versions = `built with ${compiler}`;
  return { name: "kernel", versions, collectsGarbage: false, prepare: async () => ({ command: [program] }) };
}

/** One of a file's peers: which, its environment says. */
async function findVariant(
  name: string,
  file: string,
  packages: string[],
  environment: Record<string, string>,
): Promise<FoundPeer | MissingPeer> {
  const found = await findNode(file, packages);
  if ("missing" in found) return { ...found, name };
  return { ...found, name, prepare: async (port, folder) => ({ ...(await found.prepare(port, folder)), environment }) };
}

const finders: Record<string, (folder: string) => Promise<FoundPeer | MissingPeer>> = {
  sluice: () => findNode("sluice", []),
  node: () => findNode("node", []),
  hono: () => findNode("hono", ["hono", "@hono/node-server"]),
  fastify: () => findNode("fastify", ["fastify"]),
  h3: () => findNode("h3", ["h3", "srvx"]),
  express: () => findNode("express", ["express"]),
  "better-sse": () => findNode("better-sse", ["better-sse"]),
  fastapi: () => findPython("fastapi", PEERS_FOLDER, "fastapi_app"),
  kernel: findKernel,
  nchan: () => findNginx("nchan", `${PEERS_FOLDER}nchan.conf`, "nchan"),
  "sluice-files": () => findNode("sluice-files", []),
  "nginx-files": () => findNginx("nginx-files", `${PEERS_FOLDER}nginx-files.conf`),
  "node-files": () => findNode("node-files", []),
  "loop-files": () => findNode("loop-files", []),
  "send-files": () => findNode("send-files", ["send"]),
  "fastify-files": () => findNode("fastify-files", ["fastify", "@fastify/static"]),
  "sirv-files": () => findNode("sirv-files", ["sirv"]),
  "hono-files": () => findNode("hono-files", ["hono", "@hono/node-server"]),
  "srvx-files": () => findNode("srvx-files", ["srvx"]),
  "fastapi-files": () => findPython("fastapi-files", PEERS_FOLDER, "fastapi_files"),
  "sluice-rows": () => findNode("sluice-rows", []),
  "sluice-postgres": () => withPostgres("sluice-postgres", () => findNode("sluice-rows", [])),
  "node-rows": () => findNode("node-rows", ["csv-stringify", "hyparquet-writer"]),
  "node-postgres": () =>
    withPostgres("node-postgres", () => findNode("node-rows", ["pg", "pg-query-stream", "csv-stringify"])),
  "fastapi-rows": () => findPython("fastapi-rows", PEERS_FOLDER, "fastapi_rows"),
  sqlite3: () => findCommand("sqlite3", { program: "sqlite3", server: COMMAND_ROWS }),
  psql: () =>
    withPostgres("psql", () => findCommand("psql", { program: "psql", folder: postgresFolder, server: COMMAND_ROWS })),
  "sluice-runs": () => findNode("sluice-runs", []),
  "sluice-runs-postgres": () => withPostgres("sluice-runs-postgres", () => findNode("sluice-runs", [])),
  "sluice-follow": () => findNode("sluice-follow", []),
  "sluice-memory": () => findVariant("sluice-memory", "sluice-streams", [], { BENCH_LOG: "memory" }),
  "sluice-sqlite": () => findVariant("sluice-sqlite", "sluice-streams", [], { BENCH_LOG: "sqlite" }),
  "durable-memory": () =>
    findVariant("durable-memory", "durable-streams", ["@durable-streams/server"], { BENCH_LOG: "memory" }),
  "durable-file": () =>
    findVariant("durable-file", "durable-streams", ["@durable-streams/server"], { BENCH_LOG: "file" }),
  "sqlite3-file": () => findCommand("sqlite3-file", { program: "sqlite3", server: COMMAND_RUNS }),
  "psql-file": () =>
    withPostgres("psql-file", () =>
      findCommand("psql-file", { program: "psql", folder: postgresFolder, server: COMMAND_RUNS }),
    ),
};

/** Looks for the named peers on this machine; `folder` is for what must be built. */
export function findPeers(names: Iterable<string>, folder: string): Promise<(FoundPeer | MissingPeer)[]> {
  const unknown = (name: string): MissingPeer => ({ name, missing: "not in bench/harness/peers.ts" });
  return Promise.all(Array.from(names, async (name) => finders[name]?.(folder) ?? unknown(name)));
}
