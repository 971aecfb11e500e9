import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { sqliteLog } from "sluice/logs/sqlite";
import { temporaryFolder } from "../helpers/temporary.ts";
import type { OpenLog } from "./contract/log-rig.ts";

/** Each log has a file of its own, in a folder that is removed after the tests of the file. */
export function sqliteLogs(): OpenLog {
  const folder = temporaryFolder();
  return async (options) => {
    const path = join(mkdtempSync(join(folder.path, "log-")), "streams.db");
    const log = await sqliteLog({ path, ...options });
    const opened = { log };
    return {
      log,
      async reopen() {
        await opened.log.close();
        opened.log = await sqliteLog({ path, ...options });
        return opened.log;
      },
    };
  };
}
