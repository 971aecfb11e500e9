import { array, assert, constantFrom, integer, option, property, record } from "fast-check";
import { expect, test } from "vitest";
import { evaluatePreconditions, ifRangeHolds } from "../../src/http/preconditions.ts";

const LAST_MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT";
const EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT";
const LATER = "Sun, 06 Nov 1994 08:49:38 GMT";
const state = { etag: '"E"', lastModifiedMs: Date.parse(LAST_MODIFIED), lastModifiedIsStrong: true };
const weakState = { ...state, etag: 'W/"E"', lastModifiedIsStrong: false };

test.each<[fields: Record<string, string>, result: 304 | 412 | "proceed"]>([
  [{}, "proceed"],
  [{ "If-None-Match": '"E"' }, 304],
  [{ "If-None-Match": 'W/"E"' }, 304],
  [{ "If-None-Match": '"a", "E"' }, 304],
  [{ "If-None-Match": "*" }, 304],
  [{ "If-None-Match": '"other"' }, "proceed"],
  [{ "If-None-Match": "E" }, "proceed"],
  [{ "If-None-Match": '"other"', "If-Modified-Since": LATER }, "proceed"],
  [{ "If-Modified-Since": LAST_MODIFIED }, 304],
  [{ "If-Modified-Since": LATER }, 304],
  [{ "If-Modified-Since": EARLIER }, "proceed"],
  [{ "If-Modified-Since": "garbage" }, "proceed"],
  [{ "If-Match": '"E"' }, "proceed"],
  [{ "If-Match": "*" }, "proceed"],
  [{ "If-Match": 'W/"E"' }, 412],
  [{ "If-Match": '"other"' }, 412],
  [{ "If-Match": "E" }, 412],
  [{ "If-Match": '"E"', "If-Unmodified-Since": EARLIER }, "proceed"],
  [{ "If-Match": '"E"', "If-None-Match": '"E"' }, 304],
  [{ "If-Match": '"other"', "If-None-Match": '"E"' }, 412],
  [{ "If-Unmodified-Since": EARLIER }, 412],
  [{ "If-Unmodified-Since": LAST_MODIFIED }, "proceed"],
  [{ "If-Unmodified-Since": LATER }, "proceed"],
  [{ "If-Unmodified-Since": "garbage" }, "proceed"],
])("%j gives %s", (fields, result) => {
  for (const method of ["GET", "HEAD"]) expect(evaluatePreconditions(method, new Headers(fields), state)).toBe(result);
});

test("for other methods If-None-Match fails, and If-Modified-Since is ignored", () => {
  expect(evaluatePreconditions("PUT", new Headers({ "If-None-Match": "*" }), state)).toBe(412);
  expect(evaluatePreconditions("PUT", new Headers({ "If-Modified-Since": LATER }), state)).toBe("proceed");
});

test("If-Match is never met by a weak tag", () => {
  expect(evaluatePreconditions("GET", new Headers({ "If-Match": 'W/"E"' }), weakState)).toBe(412);
  expect(evaluatePreconditions("GET", new Headers({ "If-None-Match": 'W/"E"' }), weakState)).toBe(304);
});

test("where nothing is known of the state, dates and tags decide nothing", () => {
  for (const name of ["If-Modified-Since", "If-Unmodified-Since"]) {
    expect(evaluatePreconditions("GET", new Headers({ [name]: LAST_MODIFIED }), {})).toBe("proceed");
  }
  expect(evaluatePreconditions("GET", new Headers({ "If-None-Match": '"E"' }), {})).toBe("proceed");
  expect(evaluatePreconditions("GET", new Headers({ "If-Match": '"E"' }), {})).toBe(412);
});

test.each<[field: string | undefined, holds: boolean, holdsForWeak: boolean]>([
  [undefined, true, true],
  ['"E"', true, false],
  ['W/"E"', false, false],
  ['"other"', false, false],
  ['"E", "other"', false, false],
  [LAST_MODIFIED, true, false],
  [EARLIER, false, false],
  [LATER, false, false],
  ["garbage", false, false],
  ["", false, false],
])("If-Range %j holds: %s; for a state without strong validators: %s", (field, holds, holdsForWeak) => {
  const headers = new Headers(field === undefined ? {} : { "If-Range": field });
  expect(ifRangeHolds(headers, state)).toBe(holds);
  expect(ifRangeHolds(headers, weakState)).toBe(holdsForWeak);
  expect(ifRangeHolds(headers, { lastModifiedIsStrong: true })).toBe(field === undefined);
});

interface Tag {
  isWeak: boolean;
  opaque: string;
}

/** A date, in seconds after the first, or what is no date. */
type When = number | "garbage";

interface Conditions {
  ifMatch: Tag[] | "*" | undefined;
  ifUnmodifiedSince: When | undefined;
  ifNoneMatch: Tag[] | "*" | undefined;
  ifModifiedSince: When | undefined;
  ifRange: Tag | When | undefined;
}

const tag = record({ isWeak: constantFrom(true, false), opaque: constantFrom("a", "b", "a,b", "") });
const when = option(integer({ min: 0, max: 3 }), { nil: "garbage" as const, freq: 4 });
const tags = option(option(array(tag, { minLength: 1, maxLength: 3 }), { nil: "*" as const, freq: 4 }), {
  nil: undefined,
  freq: 2,
});
const conditions = record<Conditions>({
  ifMatch: tags,
  ifUnmodifiedSince: option(when, { nil: undefined, freq: 2 }),
  ifNoneMatch: tags,
  ifModifiedSince: option(when, { nil: undefined, freq: 2 }),
  ifRange: option(constantFrom<Tag | When>(0, 1, 2, "garbage", ...someTags()), { nil: undefined }),
});
const states = record({
  etag: option(tag, { nil: undefined }),
  lastModified: option(integer({ min: 0, max: 3 }), { nil: undefined }),
  lastModifiedIsStrong: constantFrom(true, false),
});

test("whatever is asked of whatever state, RFC 9110 §13.2.2 is followed step by step", () => {
  const outcomes = new Set<unknown>();
  assert(
    property(constantFrom("GET", "HEAD", "PUT"), conditions, states, (method, asked, state) => {
      const headers = toHeaders(asked);
      const validators = {
        etag: state.etag && formatTag(state.etag),
        lastModifiedMs: state.lastModified === undefined ? undefined : dateMs(state.lastModified),
        lastModifiedIsStrong: state.lastModifiedIsStrong,
      };
      const result = evaluatePreconditions(method, headers, validators);
      expect(result).toBe(referenceResult(method, asked, state.etag, state.lastModified));
      const holds = ifRangeHolds(headers, validators);
      expect(holds).toBe(referenceIfRange(asked.ifRange, state));
      outcomes.add(result).add(holds);
    }),
    { numRuns: 5000 },
  );
  expect(outcomes.size).toBe(5);
});

/** §13.2.2, steps 1 to 4, of things that are not text yet. */
function referenceResult(
  method: string,
  { ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince }: Conditions,
  etag: Tag | undefined,
  lastModified: number | undefined,
): "proceed" | 304 | 412 {
  // 1. When If-Match is present: if true, continue to step 3; if false, respond 412
  if (ifMatch !== undefined) {
    const isTrue =
      ifMatch === "*" ||
      ifMatch.some(({ isWeak, opaque }) => etag && !isWeak && !etag.isWeak && opaque === etag.opaque);
    if (!isTrue) return 412;
  }
  // 2. When If-Match is not present and If-Unmodified-Since is: if true, continue to step 3; if false, respond 412
  if (ifMatch === undefined && ifUnmodifiedSince !== undefined) {
    const isIgnored = ifUnmodifiedSince === "garbage" || lastModified === undefined;
    if (!isIgnored && !(lastModified <= ifUnmodifiedSince)) return 412;
  }
  // 3. When If-None-Match is present: if true, continue to step 5; if false, 304 for GET and HEAD, 412 for others
  if (ifNoneMatch !== undefined) {
    const isFalse = ifNoneMatch === "*" || ifNoneMatch.some(({ opaque }) => etag && opaque === etag.opaque);
    if (isFalse) return method === "GET" || method === "HEAD" ? 304 : 412;
    return "proceed";
  }
  // 4. When the method is GET or HEAD, If-None-Match is not present, and If-Modified-Since is: if false, respond 304
  if ((method === "GET" || method === "HEAD") && ifModifiedSince !== undefined) {
    const isIgnored = ifModifiedSince === "garbage" || lastModified === undefined;
    if (!isIgnored && lastModified <= ifModifiedSince) return 304;
  }
  return "proceed";
}

/** §13.1.5: the strong comparison for tags, and for dates an exact match with one that is a strong validator. */
function referenceIfRange(
  field: Tag | When | undefined,
  state: { etag: Tag | undefined; lastModified: number | undefined; lastModifiedIsStrong: boolean },
): boolean {
  if (field === undefined) return true;
  if (field === "garbage") return false;
  if (typeof field === "number") return state.lastModifiedIsStrong && state.lastModified === field;
  return state.etag !== undefined && !field.isWeak && !state.etag.isWeak && field.opaque === state.etag.opaque;
}

function toHeaders({ ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince, ifRange }: Conditions): Headers {
  const headers = new Headers();
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined) headers.set(name, value);
  };
  set("If-Match", ifMatch === "*" ? "*" : ifMatch?.map(formatTag).join(", "));
  set("If-None-Match", ifNoneMatch === "*" ? "*" : ifNoneMatch?.map(formatTag).join(" ,"));
  set("If-Unmodified-Since", formatWhen(ifUnmodifiedSince));
  set("If-Modified-Since", formatWhen(ifModifiedSince));
  set("If-Range", typeof ifRange === "object" ? formatTag(ifRange) : formatWhen(ifRange));
  return headers;
}

function someTags(): Tag[] {
  return ["a", "b", ""].flatMap((opaque) => [
    { isWeak: false, opaque },
    { isWeak: true, opaque },
  ]);
}

function formatTag({ isWeak, opaque }: Tag): string {
  return `${isWeak ? "W/" : ""}"${opaque}"`;
}

function formatWhen(moment: When | undefined): string | undefined {
  return typeof moment === "number" ? new Date(dateMs(moment)).toUTCString() : moment;
}

function dateMs(seconds: number): number {
  return Date.UTC(1994, 10, 6, 8, 49, 37 + seconds);
}
