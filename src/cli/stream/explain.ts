/** Errors of a server that is not what it should be: they stay. Names of OpenSSL's, and Node's own. */
const LASTING_CODES = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)|^ERR_(?:SSL|TLS|INVALID)|^HPE_/u;

/** Why `fetch` has failed. It says so in the causes of what it throws. */
export interface Explanation {
  readonly reason: string;
  /** Another attempt will not help. */
  readonly lasts: boolean;
}

/** @param hasAnswered - a name that was found before is found again when the network is back */
export function explain(error: unknown, hasAnswered: boolean): Explanation {
  const { code, message } = innermost(error);
  return {
    reason: code ?? message,
    lasts: code === undefined || LASTING_CODES.test(code) || (code === "ENOTFOUND" && !hasAnswered),
  };
}

function innermost(error: unknown): { readonly code?: string | undefined; readonly message: string } {
  let inner = error as NodeJS.ErrnoException;
  while (inner.code === undefined && inner.cause instanceof Error) inner = inner.cause;
  return inner;
}
