import { type Parameters, type ParameterValue, checkValues } from "../../parameters.ts";
import { QueryError } from "../../query-error.ts";

/** A statement with `$1`, `$2` … for its `:name`s. */
export interface PositionalStatement {
  readonly sql: string;
  readonly values: readonly (string | null)[];
  /** Where in the given statement a position of the backend's is: both in characters from 1. */
  readonly positionOf: (position: number) => number | undefined;
}

/**
 * What is not SQL in PostgreSQL's SQL (manual, §4.1): comments, strings, with backslashes or between dollars, and quoted names;
 * and what stands for a value. `::` is a cast, `:=` an assignment; operators with `?`, `@` and `$` in names are nothing special.
 */
const TOKENS =
  /--[^\n]*|(?<comment>\/\*)|(?<![\p{L}\p{N}_$])[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\p{L}\p{N}_$])\$(?<tag>(?:[\p{L}_][\p{L}\p{N}_]*)?)\$|::|:=|:(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<number>\$\d+)|[\p{L}_][\p{L}\p{N}_$]*/gu;

/** @throws QueryError for a `$1`, and where names and values don't fit; SluiceTypeError `ERR_INVALID_OPTION` */
export function toPositional(sql: string, parameters: Parameters): PositionalStatement {
  const names: string[] = [];
  /** Where the two begin to differ: behind each parameter. */
  const marks: { from: number; to: number }[] = [{ from: 0, to: 0 }];
  let positional = "";
  let copied = 0;
  TOKENS.lastIndex = 0;
  for (let match = TOKENS.exec(sql); match; match = TOKENS.exec(sql)) {
    const { comment, tag, name, number } = match.groups!;
    if (comment !== undefined) TOKENS.lastIndex = endOfComment(sql, match.index);
    else if (tag !== undefined) TOKENS.lastIndex = endOfDollars(sql, TOKENS.lastIndex, `$${tag}$`);
    else if (number !== undefined) {
      throw new QueryError(`Parameters are named, as in :id; the statement has ${number}`);
    } else if (name !== undefined) {
      if (!names.includes(name)) names.push(name);
      positional += `${sql.slice(copied, match.index)}$${names.indexOf(name) + 1}`;
      copied = TOKENS.lastIndex;
      marks.push({ from: copied, to: positional.length });
    }
  }
  positional += sql.slice(copied);
  checkValues(new Set(names), parameters);
  return {
    sql: positional,
    values: names.map((name) => toText(parameters[name]!)),
    positionOf: (position) => {
      const at = unitOf(positional, position);
      const mark = marks.findLast(({ to }) => to <= at)!;
      const next = marks[marks.indexOf(mark) + 1];
      // Within a parameter, its beginning.
      const unit = Math.min(mark.from + (at - mark.to), next === undefined ? sql.length : next.from - 1);
      return charactersIn(sql.slice(0, unit)) + 1;
    },
  };
}

/** The UTF-16 unit at which the character of this number, from 1, begins. */
function unitOf(text: string, position: number): number {
  let unit = 0;
  for (let left = position - 1; left > 0 && unit < text.length; left--)
    unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
  return unit;
}

/** A character beyond the 65,536th takes two units. */
function charactersIn(text: string): number {
  return text.length - (text.match(/[\u{10000}-\u{10ffff}]/gu)?.length ?? 0);
}

/** Comments may stand in comments. */
function endOfComment(sql: string, start: number): number {
  const marks = /\/\*|\*\//gu;
  marks.lastIndex = start;
  let depth = 0;
  for (let match = marks.exec(sql); match; match = marks.exec(sql)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return sql.length;
}

function endOfDollars(sql: string, from: number, tag: string): number {
  const end = sql.indexOf(tag, from);
  return end < 0 ? sql.length : end + tag.length;
}

function toText(value: ParameterValue): string | null {
  if (value === null) return null;
  if (value instanceof Uint8Array) {
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  }
  return String(value);
}
