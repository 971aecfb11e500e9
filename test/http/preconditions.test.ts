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
