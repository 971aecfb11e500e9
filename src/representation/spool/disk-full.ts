const CODES: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Whether an error of the file system says that there is no room. */
export function isDiskFull(error: unknown): boolean {
  return CODES.has((error as NodeJS.ErrnoException | null)?.code);
}
