/**
 * The databases' own command lines, which write into a file. The answer is that file: that is for checking. With `?timed`, it
 * says how long the command took.
 */
import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";
import { SELECT, commandPath, hostname, port, postgresUrl, sqlitePath } from "./runs-data.ts";

async function run(command: string, args: string[], stdio: StdioOptions): Promise<void> {
  const [code] = (await once(spawn(command, args, { stdio }), "exit")) as [number | null];
  if (code !== 0) throw new Error(`${command} failed`);
}

async function runSqlite(): Promise<void> {
  await using file = await open(commandPath, "w");
  await run("sqlite3", ["-csv", "-header", sqlitePath, SELECT], ["ignore", file.fd, "inherit"]);
}

function runPsql(): Promise<void> {
  const copy = `\\copy (${SELECT}) TO '${commandPath}' CSV HEADER`;
  return run("psql", [postgresUrl, "-qc", copy], ["ignore", "ignore", "inherit"]);
}

const COMMANDS: Record<string, () => Promise<void>> = { "/sqlite.csv": runSqlite, "/postgres.csv": runPsql };

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const answer = async (): Promise<void> => {
    const startedAt = performance.now();
    await COMMANDS[pathname]!();
    const wallMs = performance.now() - startedAt;
    if (searchParams.has("timed")) response.end(JSON.stringify({ wallMs }));
    else await pipeline(createReadStream(commandPath), response);
  };
  answer().catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
}).listen(port, hostname);
