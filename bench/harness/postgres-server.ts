/** A PostgreSQL of the bench's own. */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import type { FoundPeer, MissingPeer } from "./peer.ts";
import { freePort, startProcess } from "./processes.ts";

const PROGRAMS = ["initdb", "pg_ctl", "postgres", "psql"];
const START_MS = 30_000;
/**
 * As it is after installation, but that nothing waits for the disk, and that every scan begins with the first row: else one
 * begins where another has been stopped.
 */
const SETTINGS = ["fsync=off", "synchronize_seqscans=off", "listen_addresses=127.0.0.1"];

/** Debian keeps them out of the PATH. */
const FOLDERS = [
  ...globSync("/usr/lib/postgresql/*/bin").toSorted().toReversed(),
  ...(process.env["PATH"] ?? "").split(":").filter(Boolean),
];

/** Where PostgreSQL's programs are; undefined where they are not. */
export const postgresFolder: string | undefined = FOLDERS.find((folder) =>
  PROGRAMS.every((program) => existsSync(join(folder, program))),
);

/** A peer that needs it. */
export async function withPostgres(
  name: string,
  find: () => Promise<FoundPeer | MissingPeer>,
): Promise<FoundPeer | MissingPeer> {
  return postgresFolder === undefined ? { name, missing: "no PostgreSQL" } : { ...(await find()), name };
}

/** Starts it in `folder`, on a free port; it ends with this process. Returns its URL. */
export async function startPostgres(folder: string): Promise<string> {
  if (postgresFolder === undefined) throw new Error("no PostgreSQL");
  const home = join(folder, "postgres");
  const data = join(home, "data");
  mkdirSync(home);
  const user = process.getuid?.() === 0 ? { uid: idOfNobody("-u"), gid: idOfNobody("-g") } : {};
  if (user.uid !== undefined) {
    // It does not run as root, and has to reach its folder.
    chmodSync(folder, 0o711);
    chownSync(home, user.uid, user.gid);
  }
  const run = (program: string, args: string[]): unknown =>
    execFileSync(join(postgresFolder, program), args, { cwd: home, stdio: ["ignore", "ignore", "pipe"], ...user });
  run("initdb", ["-D", data, "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale", "C", "--no-sync"]);

  const port = await freePort();
  const settings = [...SETTINGS, `unix_socket_directories=${home}`].flatMap((setting) => ["-c", setting]);
  const command = [join(postgresFolder, "postgres"), "-D", data, "-p", String(port), ...settings];
  const server = startProcess(command, { cwd: home, stdio: "ignore", ...user });
  // Nothing waits for its end.
  server.unref();
  // Before it would be killed: its processes have groups of their own, and it leaves shared memory behind.
  process.prependListener("exit", () => {
    if (server.exitCode === null) run("pg_ctl", ["stop", "-D", data, "-m", "immediate"]);
  });
  const url = `postgres://bench@127.0.0.1:${port}/postgres`;
  await answers(url);
  return url;
}

async function answers(url: string): Promise<void> {
  for (const deadline = Date.now() + START_MS; ; await wait(100)) {
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

function idOfNobody(flag: string): number {
  return Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
}
