import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { Outcome } from "../../src/index.ts";
import { type FetchHandler, type RunningServer, serve } from "../../src/node/index.ts";

/** A folder for this test file's files, removed after it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** How many descriptors of this process are open on `path`. */
export function openDescriptors(path: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
    } catch {
      // It was readdir's own.
      return false;
    }
  }).length;
}

/** Collects outcomes, in the order of the ends. */
export class Outcomes {
  readonly all: Outcome[] = [];
  readonly onFinish = (outcome: Outcome): void => void this.all.push(outcome);
}

export function serveHere(handler: FetchHandler): Promise<RunningServer> {
  return serve(handler, { port: 0 });
}

/** Bytes that tell where they stand. */
export function patternBytes(byteLength: number): Buffer {
  const bytes = Buffer.alloc(byteLength);
  for (let index = 0; index < byteLength; index++) bytes[index] = (index * 31 + (index >>> 8) * 7) & 0xff;
  return bytes;
}
