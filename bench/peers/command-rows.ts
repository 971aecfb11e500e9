/**
 * The databases' own command lines. Asked for a path, they write into the answer: that is for checking. With `?timed`, they
 * write into a pipe that is emptied, and the answer says how long it took and what CPU time the command itself had.
 */
import { execFile, spawn } from "node:child_process";
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { SELECT, hostname, port, postgresUrl, sqlitePath } from "./rows-data.ts";

const COMMANDS: Record<string, string> = {
  "/sqlite.csv": `sqlite3 -csv -header '${sqlitePath}' '${SELECT}'`,
  "/sqlite.ndjson": `sqlite3 -json '${sqlitePath}' '${SELECT}'`,
  "/postgres.csv": `psql '${postgresUrl}' -qc '\\copy (${SELECT}) to stdout (format csv, header)'`,
};

async function time(command: string): Promise<{ wallMs: number; cpuSeconds: number }> {
  // `times` says what the shell's children took that have ended: of this subshell, the command alone.
  const script = `{ { ${command} && times >&3; } | cat >/dev/null; } 3>&1`;
  const startedAt = performance.now();
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", script]);
  const wallMs = performance.now() - startedAt;
  const children = /\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/u.exec(stdout);
  if (children === null) throw new Error(`${command} failed`);
  const [userMinutes, user, systemMinutes, system] = children.slice(1).map(Number) as [number, number, number, number];
  return { wallMs, cpuSeconds: (userMinutes + systemMinutes) * 60 + user + system };
}

createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const command = COMMANDS[pathname]!;
  const answer = async (): Promise<void> => {
    if (searchParams.has("timed")) response.end(JSON.stringify(await time(command)));
    else await pipeline(spawn("/bin/sh", ["-c", command], { stdio: ["ignore", "pipe", "inherit"] }).stdout, response);
  };
  answer().catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
}).listen(port, hostname);
