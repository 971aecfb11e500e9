import type { ParameterValue } from "../../rows/parameters.ts";

/** What a named query's parameter may be. */
export type ParameterType = "boolean" | "date" | "integer" | "number" | "text" | "timestamp";

interface TypeOfParameter {
  /** What would be right, for a message: `day is ${what}`. */
  readonly what: string;
  /** @returns undefined where the text is none */
  readonly parse: (text: string) => ParameterValue | undefined;
}

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;
const DATE = /^\d{4}-(?:0[1-9]|1[0-2])-\d{2}$/u;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?$/u;

/** By the name that a configuration file has for them. Dates and times are handed on as they were written. */
export const PARAMETER_TYPES: Readonly<Record<ParameterType, TypeOfParameter>> = {
  boolean: {
    what: "true or false",
    parse: (text) => (text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : undefined),
  },
  date: { what: "a date, as in 2026-01-31", parse: (text) => (isDate(text) ? text : undefined) },
  integer: { what: "an integer of 64 bits", parse: parseInteger },
  number: { what: "a number, as in 1.5", parse: parseNumber },
  text: { what: "a text without NUL characters", parse: (text) => (text.includes("\0") ? undefined : text) },
  timestamp: {
    what: "a point in time, as in 2026-01-31T12:00:00Z (in a URL + is written %2B)",
    parse: (text) => (isTimestamp(text) ? text : undefined),
  },
};

function parseInteger(text: string): ParameterValue | undefined {
  if (!/^-?\d{1,19}$/u.test(text)) return undefined;
  const value = BigInt(text);
  if (value < MIN_INTEGER || value > MAX_INTEGER) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function parseNumber(text: string): ParameterValue | undefined {
  const value = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/u.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** There is no 31 February: dates that are none are moved on by the platform. */
function isDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isTimestamp(text: string): boolean {
  const [date = "", time = ""] = text.split("T", 2);
  return text === `${date}T${time}` && isDate(date) && TIME.test(time);
}
