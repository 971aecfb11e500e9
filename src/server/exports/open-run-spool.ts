import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Spool, openSpool } from "../../index.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Settings } from "../config/settings.ts";

/** Where the server's runs are: in its own folder, where they outlive it, or in a temporary one, which goes with it. */
export interface RunSpool extends AsyncDisposable {
  readonly spool: Spool;
  readonly place: RunPlace;
}

export interface RunPlace {
  readonly folder: string;
  /** Why it is a temporary one. */
  readonly temporary: string | undefined;
}

/**
 * Opens the folder that the settings name, or one with the data. Where that is another server's, or cannot be written to, a
 * temporary one does.
 *
 * @throws ConfigError where the folder that they name cannot be its own
 */
export async function openRunSpool(settings: Settings): Promise<RunSpool> {
  const { spool: named, data } = settings;
  const folder = resolve(named ?? join(data, "spool"));
  try {
    const spool = await openIn(folder, settings);
    return { spool, place: { folder, temporary: undefined }, [Symbol.asyncDispose]: () => spool.close() };
  } catch (error) {
    const { message } = error as Error;
    if (named !== undefined) throw new ConfigError(`--spool: ${message}`, { cause: error });
    return openTemporary(settings, message);
  }
}

async function openTemporary(settings: Settings, temporary: string): Promise<RunSpool> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-spool-"));
  const clear = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const spool = await openIn(folder, settings);
    return {
      spool,
      place: { folder, temporary },
      async [Symbol.asyncDispose]() {
        await spool.close();
        clear();
      },
    };
  } catch (error) {
    clear();
    throw new ConfigError(`Runs cannot be kept: ${(error as Error).message}`, { cause: error });
  }
}

function openIn(folder: string, { limits }: Settings): Promise<Spool> {
  const { spoolMaxBytes: maxBytes, spoolTtlMs: ttlMs, maxRuns, maxRunsPerCaller } = limits;
  return openSpool({ folder, maxBytes, ttlMs, maxRuns, maxRunsPerCaller });
}
