import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { ConfigError } from "./config-error.ts";
import { type ConfigFile, type ConfigIssue, parseConfig } from "./config-schema.ts";
import { databaseUrlFrom } from "./database-url.ts";
import { logUrlFrom } from "./log-url.ts";
import { type NamedQuery, toNamedQueries } from "./named-queries.ts";

/** A configuration file: its paths are absolute, its parameters have what is a value of their type. */
export interface Config extends Omit<ConfigFile, "queries"> {
  readonly queries: readonly NamedQuery[];
}

/** @throws ConfigError, which says where in the file what is wrong, and what would be right */
export async function readConfig(path: string): Promise<Config> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ConfigError(`The configuration cannot be read: ${(error as Error).message}`, { cause: error });
  }
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/u, ""));
  } catch (error) {
    throw new ConfigError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = parseConfig(content);
  if ("issues" in parsed) throw toError(path, parsed.issues);
  const { queries: entries = {}, files, spool, log, database, ...config } = parsed.config;
  const issues: ConfigIssue[] = [];
  const queries = toNamedQueries(entries, issues);
  const folder = dirname(resolve(path));
  const absolute = {
    ...(files === undefined ? {} : { files: resolve(folder, files) }),
    ...(spool === undefined ? {} : { spool: resolve(folder, spool) }),
    ...(database === undefined ? {} : { database: toAbsolute("database", database, folder, issues) }),
    ...(log === undefined ? {} : { log: toAbsolute("log", log, folder, issues) }),
  };
  if (issues.length > 0) throw toError(path, issues);
  return { ...config, ...absolute, queries };
}

function toAbsolute(name: "database" | "log", url: string, folder: string, issues: ConfigIssue[]): string {
  try {
    return name === "log" ? logUrlFrom(url, folder) : databaseUrlFrom(url, folder);
  } catch (error) {
    issues.push({ path: [name], message: (error as Error).message });
    return url;
  }
}

function toError(path: string, issues: readonly ConfigIssue[]): ConfigError {
  const lines = issues.map(({ path: keys, message }) => `${keys.map(String).join(".") || "the file"} ${message}`);
  const [first, ...others] = lines;
  if (others.length === 0) return new ConfigError(`In ${path}, ${first}`);
  return new ConfigError(`In ${path},\n${lines.map((line) => `  - ${line}`).join("\n")}`);
}
