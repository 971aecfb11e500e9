import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Spool, openSpool } from "../../index.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Settings } from "../config/settings.ts";

/** Where the server's runs are: in its own folder, where they outlive it, or in a temporary one, which goes with it. */
export interface RunSpool extends AsyncDisposable {
  readonly spool: Spool;
}

/** @throws ConfigError for a folder that cannot be its own */
export async function openRunSpool({ spool: folder, limits }: Settings): Promise<RunSpool> {
  const { spoolMaxBytes: maxBytes, spoolTtlMs: ttlMs } = limits;
  const path = folder ?? mkdtempSync(join(tmpdir(), "sluice-spool-"));
  const clear = (): void => {
    if (folder === undefined) rmSync(path, { recursive: true, force: true });
  };
  try {
    const spool = await openSpool({ folder: path, maxBytes, ttlMs });
    return {
      spool,
      async [Symbol.asyncDispose]() {
        await spool.close();
        clear();
      },
    };
  } catch (error) {
    clear();
    throw new ConfigError(`--spool: ${(error as Error).message}`, { cause: error });
  }
}
