import { expect, test } from "vitest";
import type { Parameters } from "../../../src/index.ts";
import { toPositional } from "../../../src/rows/databases/postgres/statement-parameters.ts";

test.each<[sql: string, parameters: Parameters, positional: string, values: (string | null)[]]>([
  ["SELECT 1", {}, "SELECT 1", []],
  ["SELECT :a, :b, :a", { a: 1, b: null }, "SELECT $1, $2, $1", ["1", null]],
  ["SELECT ':a', :b", { b: true }, "SELECT ':a', $1", ["true"]],
  ["SELECT E'it\\'s :a', :b", { b: 5 }, "SELECT E'it\\'s :a', $1", ["5"]],
  ["SELECT 'a\\', :b", { b: "x" }, "SELECT 'a\\', $1", ["x"]],
  ["SELECT fate'x :a'", {}, "SELECT fate'x :a'", []],
  ["SELECT $$ :a $$, :b", { b: "x" }, "SELECT $$ :a $$, $1", ["x"]],
  ["SELECT $x$ $$ :a $y$ $x$, :b", { b: "x" }, "SELECT $x$ $$ :a $y$ $x$, $1", ["x"]],
  ["SELECT a$b, :c", { c: "x" }, "SELECT a$b, $1", ["x"]],
  ["SELECT 1 /* :a /* :b */ :c */, :d", { d: "x" }, "SELECT 1 /* :a /* :b */ :c */, $1", ["x"]],
  ["SELECT 1 -- :a\n, :b", { b: "x" }, "SELECT 1 -- :a\n, $1", ["x"]],
  ['SELECT ":a", x::text, y[1:2], :b', { b: "x" }, 'SELECT ":a", x::text, y[1:2], $1', ["x"]],
  [
    "SELECT a @> b, c ? 'x', d ->> 'y', @ -5, :b::int",
    { b: 7 },
    "SELECT a @> b, c ? 'x', d ->> 'y', @ -5, $1::int",
    ["7"],
  ],
  ["SELECT E'a'\n  'it\\'s :a', :b", { b: 5 }, "SELECT E'a'\n  'it\\'s :a', $1", ["5"]],
  ["SELECT 1 -- :a\r, :b", { b: "x" }, "SELECT 1 -- :a\r, $1", ["x"]],
  ["SELECT $😊$ :a $😊$, :b", { b: "x" }, "SELECT $😊$ :a $😊$, $1", ["x"]],
  ["SELECT :größe", { größe: new Uint8Array([0, 255]) }, "SELECT $1", ["\\x00ff"]],
])("%j has %j", (sql, parameters, positional, values) => {
  const statement = toPositional(sql, parameters);
  expect([statement.sql, statement.values]).toEqual([positional, values]);
});

test.each<[sql: string, parameters: Parameters]>([
  ["SELECT $1", {}],
  ["SELECT :a", {}],
  ["SELECT 1", { a: 1 }],
  ["SELECT ':a'", { a: 1 }],
  ["SELECT 1\0", {}],
])("refuses %j with %j", (sql, parameters) => {
  expect(() => toPositional(sql, parameters)).toThrow(expect.objectContaining({ code: "ERR_QUERY" }) as Error);
});

test("no more parameters than a message can have", () => {
  const names = Array.from({ length: 65_536 }, (_, index) => `p${index}`);
  const of = (some: string[]): (() => unknown) => {
    const parameters = Object.fromEntries(some.map((name) => [name, 1]));
    return () => toPositional(`SELECT ${some.map((name) => `:${name}`).join("+")}`, parameters);
  };
  expect(of(names.slice(1))).not.toThrow();
  expect(of(names)).toThrow(expect.objectContaining({ code: "ERR_QUERY" }) as Error);
});

test.each<[sql: string, body: string]>([
  ["SELECT 1", "SELECT 1"],
  ["SELECT 1;", "SELECT 1 "],
  ["; SELECT 1;; -- ;", "  SELECT 1   -- ;"],
  ["SELECT :a, 1;", "SELECT $1, 1 "],
  ["SELECT 1 /* a /* ; */ ; */;", "SELECT 1 /* a /* ; */ ; */ "],
  ["SELECT E'it\\'s;', ';', \";\", $$;$$, $a$;$$;$a$;", "SELECT E'it\\'s;', ';', \";\", $$;$$, $a$;$$;$a$ "],
])("%j stands in another statement as %j", (sql, body) => {
  expect(toPositional(sql, sql.includes(":a") ? { a: 1 } : {}).body).toBe(body);
});

test("a position in what is sent is one in what was given", () => {
  const sql = "SELECT '😊', :first, :second, wrong FROM t WHERE :first > x";
  const { sql: sent, positionOf } = toPositional(sql, { first: 1, second: 2 });
  // The emoji before them is one character, and two units.
  const characterAt = (text: string, word: string): number => text.indexOf(word) + (word === "SELECT" ? 1 : 0);
  for (const word of ["SELECT", "wrong", "t WHERE", "> x"]) {
    expect(positionOf(characterAt(sent, word))).toBe(characterAt(sql, word));
  }
  expect(positionOf(characterAt(sent, "$2"))).toBe(characterAt(sql, ":second"));
});
