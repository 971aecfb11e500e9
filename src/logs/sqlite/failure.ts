import { SluiceError } from "../../errors.ts";

/** What is wrong with a log's file, said of it: "is …". */
export class LogFileError extends Error {}

/** As it crosses from a thread. */
export interface Failure {
  readonly message: string;
  /** SQLite's (sqlite.org/rescode.html). */
  readonly errcode: number | undefined;
}

/** By SQLite's result codes, without their extension in the higher bits. */
const WORDS: Readonly<Record<number, string>> = {
  5: "is in use by another program",
  6: "is in use by another program",
  8: "cannot be written",
  10: "could not be read or written",
  11: "is damaged",
  13: "has no more room on its disk",
  14: "cannot be opened or written in its folder",
  26: "is no SQLite database",
};
const CODES = { SQLITE_BUSY: 5, SQLITE_FULL: 13 } as const;

export function isErrorOf(error: unknown, code: keyof typeof CODES): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && (errcode & 0xff) === CODES[code];
}

export function toFailure(error: unknown): Failure {
  const { message, errcode } = error as Error & { errcode?: number };
  const words = errcode === undefined ? undefined : WORDS[errcode & 0xff];
  if (words) return { message: `${words} (${message})`, errcode };
  if (error instanceof Error && "syscall" in error) return { message: `cannot be opened (${message})`, errcode };
  return { message: error instanceof LogFileError ? message : `failed (${message})`, errcode };
}

/** A full disk has `ENOSPC` as its cause's code. */
export function toLogError(path: string, { message, errcode }: Failure): SluiceError {
  const isFull = errcode !== undefined && (errcode & 0xff) === CODES.SQLITE_FULL;
  const cause = Object.assign(new Error(message), { errcode }, isFull ? { code: "ENOSPC" } : {});
  return new SluiceError("ERR_LOG", `The log ${path} ${message}`, { cause });
}
