import { ifRangeHolds } from "../http/preconditions.ts";
import type { ByteRange } from "../http/ranges.ts";
import type { Validators } from "../http/validators.ts";
import { answerPreconditions, applyValidators } from "./answer.ts";
import type { Growing } from "./growing.ts";

/** Stands for an end that nobody knows yet (RFC 8673 §2). */
const VERY_LARGE = Number.MAX_SAFE_INTEGER;
const ONE_RANGE = /^bytes=[ \t]*(\d+)-(\d*)[ \t]*$/iu;

/** How a request for what still grows is answered. */
export type GrowingAnswer =
  | { readonly response: Response }
  /** The end is known by now: it is to be answered as what has ended. */
  | { readonly ended: true }
  /** From `first` to the end, whenever that comes. */
  | { readonly status: 200 | 206; readonly headers: Headers; readonly first: number }
  /** A part that is there. */
  | { readonly status: 206; readonly headers: Headers; readonly range: ByteRange };

/**
 * Answers a GET or HEAD for bytes that are still being added to (RFC 8673):
 *
 * - `bytes=N-`: 206 and `Content-Range: bytes N-9007199254740991/*`, to the end that is not there yet. Behind what is there, it
 *   waits for more, or for the end.
 * - `bytes=N-M`: what there is of it, from N on; where that is nothing, it waits.
 * - Anything else, several ranges and the last bytes of what has no end, is ignored: 200, from the first byte on.
 *
 * @param headers - of the whole, without length and validators; changed
 * @param waitMs - how long it waits for byte N before the head goes without it; it does not for a range with an end
 */
export async function answerGrowing(
  request: Request,
  growing: Growing,
  validators: Validators,
  headers: Headers,
  waitMs: number,
): Promise<GrowingAnswer> {
  const applied = applyValidators(validators, headers);
  const response = answerPreconditions(request, applied, headers);
  if (response) return { response };
  const range =
    request.method === "GET" && ifRangeHolds(request.headers, applied)
      ? oneRange(request.headers.get("Range"))
      : undefined;
  if (!range) return { status: 200, headers, first: 0 };
  const isOpen = range.last >= VERY_LARGE;
  if (!(await hasGrown(growing, range.first, request.signal, isOpen ? waitMs : Infinity)) && !isOpen) {
    // Nobody is there to read the answer.
    return { response: new Response(null, { status: 503 }) };
  }
  if (growing.end) return { ended: true };
  if (isOpen) {
    headers.set("Content-Range", `bytes ${range.first}-${VERY_LARGE}/*`);
    return { status: 206, headers, first: range.first };
  }
  const last = Math.min(range.last, growing.length - 1);
  headers.set("Content-Range", `bytes ${range.first}-${last}/*`);
  headers.set("Content-Length", String(last - range.first + 1));
  return { status: 206, headers, range: { first: range.first, last } };
}

function oneRange(field: string | null): ByteRange | undefined {
  const match = field === null ? null : ONE_RANGE.exec(field);
  if (!match) return undefined;
  const first = Number(match[1]);
  const last = match[2] === "" ? VERY_LARGE : Number(match[2]);
  return last < first || first >= VERY_LARGE ? undefined : { first, last };
}

/** Whether there is a byte at `position`, or an end, within the time, and before the signal is aborted. */
function hasGrown(growing: Growing, position: number, signal: AbortSignal, waitMs: number): Promise<boolean> {
  const isThere = (): boolean => growing.end !== undefined || growing.length > position;
  if (isThere()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (result: boolean): void => {
      clearTimeout(timer);
      growing.unwatch(onChange);
      signal.removeEventListener("abort", onAbort);
      resolve(result);
    };
    const onChange = (): void => {
      if (isThere()) settle(true);
    };
    const onAbort = (): void => settle(false);
    const timer = Number.isFinite(waitMs) ? setTimeout(onAbort, waitMs) : undefined;
    growing.watch(onChange);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) settle(false);
  });
}
