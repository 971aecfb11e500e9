import { readFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { ContentCoding } from "../../http/negotiation.ts";

export type SpoolState = "writing" | "finished" | "failed";

/** What is known of a spooled body: a file beside its bytes says it, too. */
export interface SpoolRecord {
  /** Unguessable: whoever has it may be given the bytes. */
  readonly id: string;
  /** Requests with the same one get the same bytes. */
  readonly key: string | undefined;
  /** Whose bytes it has, in which content coding: it goes with them. */
  readonly coded?: CodedAs | undefined;
  /** Whose it is: it is given to none but those who ask in the same. */
  readonly scope: string;
  readonly state: SpoolState;
  /** When it was begun, and when it ended, in ms since 1970. */
  readonly createdAt: number;
  readonly endedAt: number | undefined;
  /** Of a finished body, in bytes. */
  readonly byteLength: number | undefined;
  /** Of a finished body, in hexadecimal. */
  readonly sha256: string | undefined;
  /** Why it has failed, and the status that says so. */
  readonly failure: { readonly message: string; readonly status: number } | undefined;
  /** The fields that it is served with. */
  readonly headers: Readonly<Record<string, string>>;
  /** What its maker wants to know of it later: JSON. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface CodedAs {
  /** The other's id. */
  readonly of: string;
  readonly coding: ContentCoding;
}

/** Its place in a folder: the bytes, and what is known of them. */
export const DATA_EXTENSION = ".data";
export const RECORD_EXTENSION = ".json";

/**
 * Puts a record in its place, whole or not at all: who reads it after a crash finds the one before, or this one. Resolves when it
 * is on the disk.
 */
export async function writeRecord(path: string, record: SpoolRecord): Promise<void> {
  const written = `${path}.new`;
  try {
    const file = await open(written, "w", 0o600);
    try {
      await file.writeFile(JSON.stringify(record));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(written, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(written, { force: true });
    throw error;
  }
}

/** @returns undefined for what is none */
export function readRecord(path: string): SpoolRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(path, "utf8")) as Partial<SpoolRecord> | null;
    return typeof record?.id === "string" && typeof record.state === "string" ? (record as SpoolRecord) : undefined;
  } catch {
    return undefined;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
