import { type NodeResponse, isHttp2 } from "./http-types.ts";

/**
 * Calls `listener` when the answer's connection closes. Older Nodes (24.14) do not tell an answer that waits behind
 * others on its connection, so the connection itself is listened to; as many may wait as the client has asked for.
 */
export function onClose(res: NodeResponse, listener: () => void): void {
  res.once("close", listener);
  if (isHttp2(res) || res.socket) return;
  res.req.socket.setMaxListeners(0).once("close", listener);
}

export function offClose(res: NodeResponse, listener: () => void): void {
  res.removeListener("close", listener);
  if (!isHttp2(res)) res.req.socket?.removeListener("close", listener);
}

/** Whether nobody is left to take the answer. */
export function isClosed(res: NodeResponse): boolean {
  if (res.destroyed || ("closed" in res && res.closed)) return true;
  return !isHttp2(res) && res.req.socket.destroyed;
}
