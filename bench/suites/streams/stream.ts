/** A stream of a server's: made, written, asked for. */
import type { RunningServer } from "../../harness/server.ts";
import type { Row } from "../../harness/types.ts";

const PREFIX = "/v1/stream/";
/** What every stream has here. */
const CONTENT_TYPE = "text/plain";
/** What a writer says of what it appends. */
export const WRITES: string[] = [`Content-Type: ${CONTENT_TYPE}`];
/** Stands for a stream's name in a row's path. */
const NAME = "NAME";

/** Of the protocol's own event streams. */
export const LIVE_SSE: string = `${PREFIX}${NAME}?offset=now&live=sse`;
/** Of what a plain `EventSource` gets. */
export const EVENT_SOURCE: string = `${PREFIX}${NAME}?offset=now`;

/** What an `EventSource` says; nchan refuses others. */
export const ACCEPTS_EVENTS: string[] = ["Accept: text/event-stream"];

/** How a row's server is asked for a stream's events, and where they are published. */
export interface EventPaths {
  path: string;
  publish: string;
}

export function streamPath(name: string): string {
  return PREFIX + name;
}

/** @throws where it is not made */
export async function createStream(server: RunningServer, name: string): Promise<string> {
  const path = streamPath(name);
  const response = await fetch(server.url + path, { method: "PUT", headers: { "Content-Type": CONTENT_TYPE } });
  await response.arrayBuffer();
  if (response.status !== 201) throw new Error(`PUT ${path} answered ${response.status}`);
  return path;
}

/** Makes the stream, where the row's server has streams; others have one for all. */
export async function prepareEvents(server: RunningServer, row: Row, name: string): Promise<EventPaths> {
  if (!row.path.startsWith(PREFIX)) return { path: row.path, publish: "/publish" };
  const publish = await createStream(server, name);
  return { path: row.path.replace(NAME, name), publish };
}

/** Appends one message. @returns the offset before it */
export async function append(server: RunningServer, path: string, body: string): Promise<string> {
  const head = await fetch(server.url + path, { method: "HEAD" });
  const before = head.headers.get("Stream-Next-Offset");
  if (before === null) throw new Error(`${path} has no Stream-Next-Offset`);
  const response = await fetch(server.url + path, { method: "POST", headers: { "Content-Type": CONTENT_TYPE }, body });
  await response.arrayBuffer();
  if (response.status !== 204) throw new Error(`POST ${path} answered ${response.status}`);
  return before;
}

/** All that a stream has, page by page. */
export async function readAll(server: RunningServer, path: string): Promise<string> {
  let text = "";
  for (let offset = "-1"; ;) {
    const response = await fetch(`${server.url}${path}?offset=${offset}`);
    if (response.status !== 200) throw new Error(`GET ${path} answered ${response.status}`);
    text += await response.text();
    if (response.headers.get("Stream-Up-To-Date") !== null) return text;
    offset = response.headers.get("Stream-Next-Offset") ?? "";
  }
}
