import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type NodeResponse, isHttp2 } from "./http-types.ts";

/**
 * Calls `listener` when the answer's connection closes. Older Nodes (24.14) do not tell an answer that waits behind
 * others on its connection, so the connection itself is listened to; as many may wait as the client has asked for.
 */
export function onClose(res: NodeResponse, listener: () => void): void {
  res.once("close", listener);
  if (isHttp2(res) || res.socket) return;
  connectionOf(res)?.setMaxListeners(0).once("close", listener);
}

export function offClose(res: NodeResponse, listener: () => void): void {
  res.removeListener("close", listener);
  if (!isHttp2(res)) connectionOf(res)?.removeListener("close", listener);
}

/** Whether nobody is left to take the answer. */
export function isClosed(res: NodeResponse): boolean {
  if (res.destroyed || ("closed" in res && res.closed)) return true;
  if (isHttp2(res)) return false;
  return (connectionOf(res) ?? res.socket)?.destroyed ?? false;
}

/** Node takes it away from a request whose body's web stream was cancelled, though it lives on. */
function connectionOf(res: ServerResponse): Socket | null {
  return res.req.socket;
}
