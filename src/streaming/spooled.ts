import { describe } from "../core/describe.ts";
import { type SourceContext, type ValueSource, openLazySource } from "../core/source.ts";
import { HttpError, SluiceTypeError } from "../errors.ts";
import { withCharset } from "../http/headers.ts";
import { errorResponse, problemResponse } from "../http/problem.ts";
import {
  type ResponseOptions,
  captureOrigin,
  optionError,
  resolveHeaders,
  resolveResponseOptions,
} from "../http/response-options.ts";
import { answerSpooled } from "../representation/spool/answer-spooled.ts";
import { defaultSpool } from "../representation/spool/default-spool.ts";
import {
  noRunToGoOnWith,
  noSuchRun,
  redirectToRun,
  runIdOf,
  wantsRestOfAny,
} from "../representation/spool/run-address.ts";
import type { Spool } from "../representation/spool/spool.ts";
import type { SpoolSource } from "../representation/spool/spooled-body.ts";
import { itemEncoder } from "./items.ts";

/** Makes the values of a body: each time that it is made. */
export type SpooledSource = (context: SourceContext) => ValueSource<unknown> | Promise<ValueSource<unknown>>;

export interface SpooledInit extends Omit<ResponseOptions, "status" | "compress"> {
  /**
   * `Content-Type`; text gets `charset=utf-8`.
   * @defaultValue "application/octet-stream"
   */
  mediaType?: string;
  /**
   * Whether it is kept in content codings, too, for those who accept one (zstd, br, gzip): each is made once, when it is first
   * asked for, and has an entity tag and ranges of its own.
   * @defaultValue where its type is worth it: text, JSON, XML, SVG
   */
  compress?: boolean;
  /**
   * Where the bytes are kept.
   * @defaultValue a temporary folder of this process
   */
  spool?: Spool;
}

const METHODS = "GET, HEAD, OPTIONS";

/**
 * Makes a resumable download of a body that is generated: it is written to the spool at full speed, once, and every request gets
 * the same bytes, from any position, while they are made and after it.
 *
 * - A request is answered with 303 to the run's own address (`?run=…`), which has ranges, a strong entity tag and, once it is
 *   finished, a length and `Repr-Digest`. A second request with the key, until the spool's time to live is over, joins the first.
 * - A request for the rest (`bytes=N-`) that does not say of which run (`If-Range`) is answered with 409 where no run is there: it
 *   would be the rest of another.
 * - Readers come and go; the source goes on. Its signal is aborted when its run is removed, or the spool closed.
 * - A source that fails breaks the body of every reader visibly; who comes later is answered with its status, and who comes to the
 *   first address begins a new run.
 *
 * @param key - what is made: the same one everywhere stands for the same bytes
 * @param source - makes the values, as of `streamingResponse`; called anew for each run
 * @returns a handler
 * @throws SluiceTypeError `ERR_SOURCE_TYPE`, `ERR_INVALID_OPTION`
 */
export function spooled(
  key: string,
  source: SpooledSource,
  init: SpooledInit = {},
): (request: Request) => Promise<Response> {
  if (typeof key !== "string" || key === "") throw optionError("key", "a text that says what is made", key);
  if (typeof source !== "function") {
    throw new SluiceTypeError(
      "ERR_SOURCE_TYPE",
      `The source of a spooled body is a function that makes one for each run; got ${describe(source)}`,
    );
  }
  const { commitAfterMs, stallTimeoutMs, compress, onFinish, leakReportMs } = resolveResponseOptions({
    commitAfterMs: 10_000,
    ...init,
  });
  const { mediaType = "application/octet-stream" } = init;
  const headers = Object.fromEntries(resolveHeaders(init, { "Content-Type": withCharset(mediaType) }));
  const origin = captureOrigin(spooled);
  const plan = { key: `body ${key}`, scope: `body ${key}`, headers };
  const start = (): SpoolSource => {
    const stop = new AbortController();
    const puller = openLazySource(source, { signal: stop.signal }, itemEncoder(mediaType), { origin, leakReportMs });
    return {
      puller: {
        pull: () => puller.pull(),
        cancel(reason) {
          stop.abort(reason);
          puller.cancel(reason);
        },
      },
      details: () => ({}),
    };
  };
  return async (request) => {
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { Allow: METHODS } });
    if (request.method !== "GET" && request.method !== "HEAD") {
      return problemResponse(405, "It is asked for by GET and HEAD", { Allow: METHODS });
    }
    const spool = init.spool ?? (await defaultSpool());
    const id = runIdOf(request);
    if (id !== undefined) {
      const body = spool.get(id, plan.scope);
      if (!body) return noSuchRun();
      return answerSpooled(request, body, { commitAfterMs, stallTimeoutMs, compress, onFinish });
    }
    // Nothing is made for who only asks.
    if (request.method === "HEAD") {
      const known = spool.find(plan.key);
      return known ? redirectToRun(request, known) : new Response(null, { headers });
    }
    if (wantsRestOfAny(request) && !spool.has(plan.key)) return noRunToGoOnWith();
    try {
      return redirectToRun(request, await spool.share(plan, start));
    } catch (error) {
      if (error instanceof HttpError) return errorResponse(error);
      throw error;
    }
  };
}
