/** An entity tag (RFC 9110 §8.8.3) as it stands in a field: `"xyzzy"`, or weak, `W/"xyzzy"`. */
export type EntityTag = string;

/** What identifies the state of a representation. */
export interface Validators {
  readonly etag?: EntityTag | undefined;
  /** In ms since 1970, whole seconds: HTTP dates know no more. */
  readonly lastModifiedMs?: number | undefined;
  /** The field that says so, where it has been formatted before. */
  readonly lastModified?: string | undefined;
  /** Whether two states of the representation cannot share `lastModifiedMs` (RFC 9110 §8.8.2.2). */
  readonly lastModifiedIsStrong?: boolean | undefined;
}

const TAG = /[ \t]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)|[ \t]*,/suy;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const DATE_FORMS = [
  new RegExp(
    String.raw`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${TIME} GMT$`,
    "u",
  ),
  new RegExp(
    String.raw`^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) ${TIME} GMT$`,
    "u",
  ),
  new RegExp(
    String.raw`^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) ${TIME} (?<year>\d{4})$`,
    "u",
  ),
];

/** The tags of an `If-Match` or `If-None-Match` field; `"*"` for any. A field that is no list of tags names none. */
export function parseEntityTags(field: string): EntityTag[] | "*" {
  if (field.trim() === "*") return "*";
  const tags: EntityTag[] = [];
  TAG.lastIndex = 0;
  while (TAG.lastIndex < field.length) {
    const match = TAG.exec(field);
    if (!match) return [];
    if (match[1] !== undefined) tags.push(match[1]);
  }
  return tags;
}

/** RFC 9110 §8.8.3.2: equal, and neither is weak. */
export function matchesStrongly(a: EntityTag, b: EntityTag): boolean {
  return a === b && !a.startsWith("W/");
}

/** RFC 9110 §8.8.3.2: equal, whether weak or not. */
export function matchesWeakly(a: EntityTag, b: EntityTag): boolean {
  return a.replace(/^W\//u, "") === b.replace(/^W\//u, "");
}

/** An HTTP date in any of its three forms (RFC 9110 §5.6.7), in ms since 1970; undefined for anything else. */
export function parseHttpDate(field: string, nowMs: number = Date.now()): number | undefined {
  for (const form of DATE_FORMS) {
    const groups = form.exec(field)?.groups as
      | Record<"day" | "month" | "year" | "hour" | "minute" | "second", string>
      | undefined;
    if (!groups) continue;
    const month = MONTHS.indexOf(groups.month) / 3;
    const [day, hour, minute, second] = [groups.day, groups.hour, groups.minute, groups.second].map(Number) as [
      number,
      number,
      number,
      number,
    ];
    let year = Number(groups.year);
    if (groups.year.length === 2) {
      // A two-digit year that seems more than 50 years ahead lies in the past.
      const thisYear = new Date(nowMs).getUTCFullYear();
      year += thisYear - (thisYear % 100);
      if (year > thisYear + 50) year -= 100;
    }
    const ms = Date.UTC(year, month, day, hour, minute, Math.min(second, 59));
    const valid =
      Number.isInteger(month) && new Date(ms).getUTCDate() === day && hour < 24 && minute < 60 && second <= 60;
    return valid ? ms : undefined;
  }
  return undefined;
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7, IMF-fixdate). */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString();
}
