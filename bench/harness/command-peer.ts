import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { FoundPeer, MissingPeer } from "./peer.ts";

const run = promisify(execFile);

export interface Command {
  /** Answers to `--version`. */
  program: string;
  /** Where the program is, if it may be out of the PATH. */
  folder?: string | undefined;
  /** A server in `peers/`, which runs the program for each request. */
  server: string;
}

/** A program that is no server: what is measured is a run of it. */
export async function findCommand(
  name: string,
  { program, folder, server }: Command,
): Promise<FoundPeer | MissingPeer> {
  const environment = { PATH: [folder, process.env["PATH"]].filter(Boolean).join(":") };
  try {
    const path = folder === undefined ? program : join(folder, program);
    const { stdout } = await run(path, ["--version"]);
    const version = /\d+(?:\.\d+)+/u.exec(stdout)?.[0];
    const prepare = async () => ({ command: [process.execPath, server], environment });
    return { name, versions: `${program} ${version}`, collectsGarbage: false, prepare };
  } catch {
    return { name, missing: `no ${program}` };
  }
}
