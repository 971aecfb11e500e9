import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { until, within } from "./deadline.ts";

/** Where PostgreSQL's programs are: Debian keeps them out of the PATH. */
const BIN = [
  ...globSync("/usr/lib/postgresql/*/bin").toSorted().toReversed(),
  ...(process.env["PATH"] ?? "").split(":"),
].find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));

/** @returns whether tests that need PostgreSQL can run */
export function hasPostgres(): boolean {
  if (BIN !== undefined) return true;
  if (process.env["CI"])
    throw new Error("PostgreSQL's programs (initdb, postgres) are not here, and CI allows no skip");
  console.warn("Skipped: PostgreSQL's programs (initdb, postgres) are not here. On Debian: apt-get install postgresql");
  return false;
}

export interface TestPostgres extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** A connection of its own, to make things and to look at others. */
  readonly admin: pg.Client;
  /** Ends the server as if the machine had lost its power. */
  kill(): void;
  start(): Promise<void>;
}

/** Starts a server of its own, on a free port, in a folder of its own, as a user who may do nothing. */
export async function startPostgres(settings: Record<string, string> = {}): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
  const user = unprivilegedUser();
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  run("initdb", ["-D", data, "-A", "trust", "-U", "tester", "-E", "UTF8", "--locale=C", "--no-sync"], user);
  const port = await freePort();
  const url = `postgres://tester@127.0.0.1:${port}/postgres`;
  const options = { fsync: "off", listen_addresses: "127.0.0.1", unix_socket_directories: folder, ...settings };
  let server: ChildProcess | undefined;
  let admin: pg.Client | undefined;
  const start = async (): Promise<void> => {
    server = spawn(
      join(BIN!, "postgres"),
      [
        "-D",
        data,
        "-p",
        String(port),
        ...Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      { stdio: "ignore", ...user },
    );
    admin = await connect(url);
  };
  await start();
  return {
    port,
    url,
    folder,
    get admin() {
      return admin!;
    },
    kill: () => server!.kill("SIGKILL"),
    start,
    async [Symbol.asyncDispose]() {
      await admin!.end().catch(() => {});
      if (server!.exitCode === null && server!.signalCode === null) {
        const left = new Promise((resolve) => server!.once("exit", resolve));
        // Immediate shutdown: nothing that it holds is wanted.
        server!.kill("SIGQUIT");
        await within(left, "the end of PostgreSQL");
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function connect(url: string): Promise<pg.Client> {
  let connected: pg.Client | undefined;
  let trying = false;
  await until(
    () => {
      if (connected || trying) return connected !== undefined;
      trying = true;
      const client = new pg.Client({ connectionString: url, application_name: "admin" });
      client.on("error", () => {});
      client.connect().then(
        () => (connected = client),
        () => setTimeout(() => (trying = false), 50),
      );
      return false;
    },
    "a PostgreSQL that answers",
    30_000,
  );
  return connected!;
}

function run(program: string, args: string[], user: User | undefined): void {
  execFileSync(join(BIN!, program), args, { stdio: ["ignore", "ignore", "pipe"], ...user });
}

interface User {
  uid: number;
  gid: number;
}

/** PostgreSQL does not run as root. */
function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
