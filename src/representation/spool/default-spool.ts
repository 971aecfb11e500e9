import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Spool } from "./spool.ts";

let opening: Promise<Spool> | undefined;

/** This process's own, in a temporary folder: what is in it goes with the process. */
export function defaultSpool(): Promise<Spool> {
  opening ??= openTemporary();
  return opening;
}

async function openTemporary(): Promise<Spool> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-spool-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return Spool.open({ folder });
}
