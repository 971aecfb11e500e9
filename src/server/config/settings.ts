import { ConfigError } from "./config-error.ts";
import type { ExportLimits } from "./config-schema.ts";
import { databaseUrlFrom } from "./database-url.ts";
import { logUrlFrom } from "./log-url.ts";
import type { NamedQuery } from "./named-queries.ts";
import type { Config } from "./read-config.ts";

/** How the server runs, wherever that was said. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  /** An absolute path. */
  readonly files: string | undefined;
  /** A database's URL, with an absolute path where it has one. */
  readonly database: string | undefined;
  readonly allowSql: boolean;
  readonly maxRows: number | undefined;
  /** Where what the server makes for itself is kept: the demo's data, and runs. */
  readonly data: string;
  /** Where runs are kept, where somebody has said it. */
  readonly spool: string | undefined;
  /** A log's URL, with an absolute path where it has one; without one there are no streams. */
  readonly log: string | undefined;
  readonly resumable: boolean;
  readonly tables: boolean | readonly string[];
  readonly queries: readonly NamedQuery[];
  readonly limits: ExportLimits;
}

/** What the command line, the environment or a default says of what a file may say, too. */
export interface GivenSettings {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly files?: string | undefined;
  readonly database?: string | undefined;
  readonly allowSql?: boolean | undefined;
  readonly maxRows?: number | undefined;
  readonly spool?: string | undefined;
  readonly log?: string | undefined;
}

/**
 * The one place where it is decided who is heard: flags win over the environment, the environment over the file, the file over
 * defaults.
 *
 * @param given - flags and the environment, of which flags have won already, and defaults
 * @param isDefault - whether nobody has given the option
 * @throws ConfigError for a database's URL that is none
 */
export function resolveSettings(
  given: GivenSettings,
  isDefault: (name: keyof GivenSettings) => boolean,
  file: Config | undefined,
): Settings {
  const choose = <Name extends Exclude<keyof GivenSettings, "data">>(name: Name): GivenSettings[Name] => {
    const inFile = file?.[name] as GivenSettings[Name] | undefined;
    return isDefault(name) ? (inFile ?? given[name]) : given[name];
  };
  const database = choose("database");
  const log = choose("log");
  return {
    port: choose("port"),
    host: choose("host"),
    files: choose("files"),
    database: database === undefined ? undefined : toAbsolute("--database", database, databaseUrlFrom),
    allowSql: choose("allowSql") ?? false,
    maxRows: choose("maxRows"),
    data: given.data,
    spool: choose("spool"),
    log: log === undefined ? undefined : toAbsolute("--log", log, logUrlFrom),
    resumable: file?.resumable ?? false,
    tables: file?.tables ?? true,
    queries: file?.queries ?? [],
    limits: file?.limits ?? {},
  };
}

/** That of a file was looked at when the file was read. */
function toAbsolute(flag: string, url: string, from: (url: string, folder: string) => string): string {
  try {
    return from(url, process.cwd());
  } catch (error) {
    throw new ConfigError(`${flag} ${(error as Error).message}`, { cause: error });
  }
}
