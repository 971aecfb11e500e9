import { resolve } from "node:path";
import { ConfigError } from "./config-error.ts";

/** Which database, and where. */
export type DatabaseUrl =
  | { readonly scheme: "sqlite" | "duckdb"; readonly path: string }
  | { readonly scheme: "postgres"; readonly url: string };

const CHOICES = "sqlite:PATH, postgres://HOST/DATABASE or duckdb:PATH";

/** @throws ConfigError for a scheme that is none of ours, and a path that is none; it tells no password */
export function parseDatabaseUrl(url: string): DatabaseUrl {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):([\s\S]*)$/iu.exec(url) ?? [];
  switch (scheme.toLowerCase()) {
    case "sqlite":
    case "duckdb":
      return { scheme: scheme.toLowerCase() as "sqlite" | "duckdb", path: checkPath(scheme, rest) };
    case "postgres":
    case "postgresql":
      if (rest.startsWith("//")) return { scheme: "postgres", url: `postgres:${rest}` };
      throw new ConfigError("is as in postgres://user@host:5432/database");
    default:
      throw new ConfigError(`is ${CHOICES}; got ${scheme === "" ? "none of these" : `${scheme}:…`}`);
  }
}

/** The same URL with an absolute path, where it has one. @param folder - that relative paths are from */
export function databaseUrlFrom(url: string, folder: string): string {
  const parsed = parseDatabaseUrl(url);
  return parsed.scheme === "postgres" ? parsed.url : `${parsed.scheme}:${resolve(folder, parsed.path)}`;
}

/** For people: without a password, and without options that may hold one. */
export function describeDatabase(url: string): string {
  const parsed = parseDatabaseUrl(url);
  if (parsed.scheme !== "postgres") return `${parsed.scheme}:${parsed.path}`;
  if (!URL.canParse(parsed.url)) return "postgres:";
  const { username, host, pathname } = new URL(parsed.url);
  return `postgres://${username === "" ? "" : `${username}@`}${host}${pathname}`;
}

function checkPath(scheme: string, path: string): string {
  if (path === "" || path === ":memory:") throw new ConfigError(`is ${scheme}:PATH, with the path of a file`);
  // As other programs write it: three slashes are an empty host and an absolute path.
  if (/^\/\/(?!\/)/u.test(path)) throw new ConfigError(`is ${scheme}:PATH, without slashes before the path`);
  return path;
}
