import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, constants, mkdirSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { SluiceError } from "../../errors.ts";

/** Both ends of a pipe, as descriptors, which are the caller's to close. */
export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/**
 * Makes a pipe that {@link pathOf} gives a path to, which DuckDB needs. What Node makes for a process's `stdio` are sockets, and
 * those cannot be opened by a path; so this is a named pipe whose name is gone when it is given.
 *
 * @param folder - where it has its name for some ms. It is made and removed; a process that is killed meanwhile leaves it.
 * @throws SluiceError `ERR_DATABASE` where there is no `mkfifo`, or no room for one
 */
export async function makePipe(folder: string): Promise<Pipe> {
  try {
    mkdirSync(folder, { mode: 0o700 });
    try {
      const path = join(folder, "pipe");
      await promisify(execFile)("mkfifo", ["-m", "600", path]);
      return open(path);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  } catch (error) {
    throw new SluiceError("ERR_DATABASE", `No pipe could be made: ${(error as Error).message}`, { cause: error });
  }
}

/** A path for temporary files that nobody else has, or can guess. */
export function temporaryPath(): string {
  return join(tmpdir(), `sluice-${randomUUID()}`);
}

/** The path of a descriptor, for this process and those that inherit it with this number. */
export function pathOf(fd: number): string {
  return `/dev/fd/${fd}`;
}

function open(path: string): Pipe {
  const opened: number[] = [];
  const add = (flags: number): number => {
    const fd = openSync(path, flags);
    opened.push(fd);
    return fd;
  };
  // Opening one end waits for the other. This is both, and waits for nothing.
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    return { readFd: add(constants.O_RDONLY), writeFd: add(constants.O_WRONLY) };
  } catch (error) {
    for (const fd of opened) closeSync(fd);
    throw error;
  } finally {
    closeSync(both);
  }
}
