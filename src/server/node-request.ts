import type { IncomingMessage } from "node:http";

interface ServerRequest extends Request {
  /** Set by servers made with srvx, which ours is. */
  readonly runtime?: { readonly node?: { readonly req?: IncomingMessage } };
}

/** What Node has of a request; undefined where it did not come over one of its servers. */
export function nodeRequestOf(request: Request): IncomingMessage | undefined {
  return (request as ServerRequest).runtime?.node?.req;
}

/** On whose behalf a request is: as long as nobody says who they are, it is their address. A proxy's is everybody's. */
export function callerOf(request: Request): string | undefined {
  return nodeRequestOf(request)?.socket.remoteAddress;
}
