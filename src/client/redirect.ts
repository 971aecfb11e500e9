import type { HeadersInput } from "../http/headers.ts";
import { DownloadError } from "./download-error.ts";

const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Meant for the host that the user named, and for no other. */
const FIELDS_OF_HOST: ReadonlySet<string> = new Set(["authorization", "cookie", "host", "proxy-authorization"]);

/** A request as it is sent to one URL. */
export interface Hop {
  /** Without credentials and fragment. */
  readonly url: URL;
  readonly fields: Headers;
  readonly redirects: number;
}

/** The first request of an attempt. Credentials in the URL become `Authorization` (RFC 7617), unless there is one. */
export function firstHop(url: URL, fields: HeadersInput): Hop {
  const headers = new Headers(fields);
  const authorization = basicAuthorization(url);
  if (authorization !== undefined && !headers.has("authorization")) headers.set("authorization", authorization);
  return { url: withoutCredentials(url), fields: headers, redirects: 0 };
}

/**
 * Where an answer leads on to (RFC 9110 §15.4); undefined when it is no redirect. What is meant for one host is not told to
 * another one.
 *
 * @throws DownloadError for one hop too many, a place that is none, and from TLS to a connection that anybody can read
 */
export function nextHop(hop: Hop, status: number, location: string | null): Hop | undefined {
  if (!REDIRECTS.has(status)) return undefined;
  if (hop.redirects >= MAX_REDIRECTS) throw new DownloadError(`There are more than ${MAX_REDIRECTS} redirects`);
  if (location === null || !URL.canParse(location, hop.url.href)) {
    throw new DownloadError(`The server answered ${status} with Location: ${location ?? "none"}`);
  }
  const url = new URL(location, hop.url.href);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new DownloadError(`The server redirects to ${url.protocol}, which is not HTTP`);
  }
  if (hop.url.protocol === "https:" && url.protocol === "http:") {
    throw new DownloadError(
      `The server redirects from https to ${withoutCredentials(url).href}, which is not encrypted`,
    );
  }
  const fields = new Headers(hop.fields);
  if (url.origin !== hop.url.origin) for (const name of FIELDS_OF_HOST) fields.delete(name);
  const authorization = basicAuthorization(url);
  if (authorization !== undefined) fields.set("authorization", authorization);
  return { url: withoutCredentials(url), fields, redirects: hop.redirects + 1 };
}

/** What a URL names: what stands behind `#`, and who asks, is no part of it. */
export function withoutCredentials(url: URL): URL {
  const bare = new URL(url.href);
  bare.username = "";
  bare.password = "";
  bare.hash = "";
  return bare;
}

function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  const bytes = new TextEncoder().encode(`${decode(username)}:${decode(password)}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
