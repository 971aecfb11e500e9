import { optionError, assertMs } from "../../http/response-options.ts";
import { Spool, type SpoolOptions } from "./spool.ts";

/**
 * Opens a folder for bodies that are made once and read many times. What was finished in it before is there again; what was not,
 * has failed. It belongs to this process until {@link Spool.close}.
 *
 * @throws SluiceTypeError `ERR_INVALID_OPTION`; Error where another process has the folder; the file system's errors
 */
export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { folder, maxBytes, ttlMs, maxRuns, maxRunsPerCaller } = options;
  if (typeof folder !== "string" || folder === "") throw optionError("folder", "a folder's path", folder);
  if (maxBytes !== undefined && !(Number.isSafeInteger(maxBytes) && maxBytes > 0)) {
    throw optionError("maxBytes", "a number of bytes, an integer ≥ 1", maxBytes);
  }
  for (const [name, value] of Object.entries({ maxRuns, maxRunsPerCaller })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      throw optionError(name, "a number of runs, an integer ≥ 1", value);
    }
  }
  if (ttlMs !== undefined) assertMs("ttlMs", ttlMs);
  return Spool.open(options);
}
