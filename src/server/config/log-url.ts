import { resolve } from "node:path";
import { ConfigError } from "./config-error.ts";

/** Where streams are kept. */
export type LogUrl = { readonly scheme: "memory" } | { readonly scheme: "sqlite"; readonly path: string };

/** @throws ConfigError for what is none of ours */
export function parseLogUrl(url: string): LogUrl {
  if (url === "memory:") return { scheme: "memory" };
  const [, path = ""] = /^sqlite:(.+)$/su.exec(url) ?? [];
  if (path === "") throw new ConfigError("is memory:, or sqlite:PATH");
  return { scheme: "sqlite", path };
}

/** The same URL with an absolute path, where it has one. @param folder - that relative paths are from */
export function logUrlFrom(url: string, folder: string): string {
  const parsed = parseLogUrl(url);
  return parsed.scheme === "memory" ? url : `sqlite:${resolve(folder, parsed.path)}`;
}
