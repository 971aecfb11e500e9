import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isDiskFull } from "./disk-full.ts";
import { DATA_EXTENSION, RECORD_EXTENSION, type SpoolRecord, readRecord, writeRecord } from "./spool-record.ts";

/** What is said of a body whose writer did not live to end it. */
export const INTERRUPTED = { message: "The server was stopped while it was made", status: 410 };

/**
 * Looks through a folder whose writer is gone. A body that he did not finish has failed, and its record says so from now on; in a
 * content coding it is removed, and made anew when it is wanted. Files without a record, of a body that was being begun or
 * removed, are removed; those of others are left alone.
 *
 * @returns what there is, and first what others are codings of. Rejects with the file system's error
 */
export async function settleFolder(folder: string): Promise<SpoolRecord[]> {
  const names = readdirSync(folder);
  const found = new Map<string, SpoolRecord>();
  for (const name of names.filter((each) => each.endsWith(RECORD_EXTENSION))) {
    const record = readRecord(join(folder, name));
    if (record && name === record.id + RECORD_EXTENSION) found.set(record.id, record);
  }
  const settled = new Map<string, SpoolRecord>();
  for (const [id, record] of found) if (!record.coded) settled.set(id, await settle(folder, record));
  for (const [id, record] of found) {
    if (!record.coded) continue;
    if (isWhole(folder, record) && settled.get(record.coded.of)?.state === "finished") settled.set(id, record);
    else rmSync(join(folder, id + RECORD_EXTENSION), { force: true });
  }
  for (const name of names) {
    const [, id = ""] = /^([0-9a-f]{32})\.(?:data|json\.new)$/u.exec(name) ?? [];
    const isLeft = id !== "" && (name.endsWith(".new") || settled.get(id)?.state !== "finished");
    if (isLeft) rmSync(join(folder, name), { force: true });
  }
  return [...settled.values()];
}

/** As the record of a body is to be read, whose writer is gone. */
async function settle(folder: string, record: SpoolRecord): Promise<SpoolRecord> {
  if (record.state === "failed" || isWhole(folder, record)) return record;
  const failed: SpoolRecord = {
    ...record,
    state: "failed",
    endedAt: record.endedAt ?? Date.now(),
    byteLength: undefined,
    sha256: undefined,
    failure: INTERRUPTED,
  };
  // First: on a full disk this makes room for the record.
  rmSync(join(folder, record.id + DATA_EXTENSION), { force: true });
  try {
    await writeRecord(join(folder, record.id + RECORD_EXTENSION), failed);
  } catch (error) {
    // As it stands there it is read as failed, too.
    if (!isDiskFull(error)) throw error;
  }
  return failed;
}

function isWhole(folder: string, { id, state, byteLength }: SpoolRecord): boolean {
  if (state !== "finished") return false;
  return statSync(join(folder, id + DATA_EXTENSION), { throwIfNoEntry: false })?.size === byteLength;
}
