import { type Parameters, type ParameterValue, checkValues } from "../../parameters.ts";
import { QueryError } from "../../query-error.ts";

/** A statement with `$1`, `$2` … for its `:name`s. */
export interface PositionalStatement {
  readonly sql: string;
  /** The same without semicolons, so that it can stand in another statement: only good once `sql` was parsed by itself. */
  readonly body: string;
  readonly values: readonly (string | null)[];
  /** Where in the given statement a position of the backend's is: both in characters from 1. */
  readonly positionOf: (position: number) => number | undefined;
}

/**
 * What is not SQL in PostgreSQL's SQL (manual, §4.1): comments, strings, with backslashes or between dollars, and quoted names;
 * and what stands for a value. `::` is a cast, `:=` an assignment; operators with `?`, `@` and `$` in names are nothing special.
 * A string with backslashes may go on in a later line, and has backslashes there, too.
 */
const TOKENS =
  /--[^\n\r]*|(?<comment>\/\*)|(?<semicolon>;)|(?<![\w$\u{80}-\u{10ffff}])[eE]'(?:[^'\\]|''|\\[\s\S]|'[ \t\f\v]*[\r\n]\s*')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\w$\u{80}-\u{10ffff}])\$(?<tag>(?:[a-zA-Z_\u{80}-\u{10ffff}][\w\u{80}-\u{10ffff}]*)?)\$|::|:=|:(?<name>[\p{L}_][\p{L}\p{N}_]*)|(?<number>\$\d+)|[a-zA-Z_\u{80}-\u{10ffff}][\w$\u{80}-\u{10ffff}]*/gu;

/** A Bind message counts them in 16 bits. */
const MAX_PARAMETERS = 65_535;

/**
 * @throws QueryError for a `$1`, a NUL, more parameters than a statement may have, and where names and values don't fit;
 *   SluiceTypeError `ERR_INVALID_OPTION`
 */
export function toPositional(sql: string, parameters: Parameters): PositionalStatement {
  // A message ends there: what is behind it would be taken for something else.
  if (sql.includes("\0")) throw new QueryError("A statement has no NUL characters");
  const numbers = new Map<string, number>();
  /** Semicolons in what is sent: their places. */
  const semicolons: number[] = [];
  /** Where the two begin to differ: behind each parameter. */
  const marks: { from: number; to: number }[] = [{ from: 0, to: 0 }];
  let positional = "";
  let copied = 0;
  TOKENS.lastIndex = 0;
  for (let match = TOKENS.exec(sql); match; match = TOKENS.exec(sql)) {
    const { comment, semicolon, tag, name, number } = match.groups!;
    if (comment !== undefined) TOKENS.lastIndex = endOfComment(sql, match.index);
    else if (tag !== undefined) TOKENS.lastIndex = endOfDollars(sql, TOKENS.lastIndex, `$${tag}$`);
    else if (number !== undefined) {
      throw new QueryError(`Parameters are named, as in :id; the statement has ${number}`);
    } else if (semicolon !== undefined) {
      semicolons.push(positional.length + match.index - copied);
    } else if (name !== undefined) {
      if (!numbers.has(name)) numbers.set(name, numbers.size + 1);
      positional += `${sql.slice(copied, match.index)}$${numbers.get(name)!}`;
      copied = TOKENS.lastIndex;
      marks.push({ from: copied, to: positional.length });
    }
  }
  positional += sql.slice(copied);
  const names = new Set(numbers.keys());
  checkValues(names, parameters);
  if (names.size > MAX_PARAMETERS) throw new QueryError(`A statement has at most ${MAX_PARAMETERS} parameters`);
  return {
    sql: positional,
    body: blanked(positional, semicolons),
    values: Array.from(names, (name) => toText(parameters[name]!)),
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

function blanked(text: string, places: readonly number[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const place of places) {
    parts.push(text.slice(from, place), " ");
    from = place + 1;
  }
  return parts.join("") + text.slice(from);
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
