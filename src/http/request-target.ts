interface ServerRequest extends Request {
  /** Set by servers made with srvx (ours, h3's, Nitro's). */
  readonly runtime?: { readonly node?: { readonly req?: { readonly url?: string | undefined } } };
}

/**
 * The target of a request as it came (RFC 9112 §3.2), where the server kept it. Else its URL, in which dot segments and
 * backslashes have been resolved already: for everybody who looks at it, in the same way.
 */
export function requestTargetOf(request: Request): string {
  return (request as ServerRequest).runtime?.node?.req?.url ?? request.url;
}
