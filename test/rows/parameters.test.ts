import { expect, test } from "vitest";
import { checkParameters, parameterNames } from "../../src/rows/parameters.ts";

test.each<[sql: string, names: string[]]>([
  ["SELECT 1", []],
  ["SELECT :a, :b_2, :a", ["a", "b_2"]],
  ["SELECT * FROM t WHERE a=:a AND(b>:b)", ["a", "b"]],
  ["SELECT :größe", ["größe"]],
  ["SELECT ':a', 'it''s :b', :c", ["c"]],
  ['SELECT ":a", ":""b", :c', ["c"]],
  ["SELECT `:a`, [:b], :c", ["c"]],
  ["SELECT :a -- :b\n, :c /* :d\n:e */, :f", ["a", "c", "f"]],
  ["SELECT 1 /* :a", []],
  ["SELECT 1 -- :a", []],
  ["SELECT x::text, y :: int, :a", ["a"]],
  ["SELECT '2024-01-01T10:20:30', a:b", ["b"]],
  ["SELECT json -> '$.a' , b ->> :path", ["path"]],
])("finds in %j the names %j", (sql, names) => {
  expect([...parameterNames(sql)]).toEqual(names);
});

test.each(["SELECT ?", "SELECT ?1", "SELECT @a", "SELECT $a", "SELECT $1"])(
  "refuses %s: parameters are :names",
  (sql) => {
    expect(() => parameterNames(sql)).toThrow(expect.objectContaining({ code: "ERR_QUERY" }) as Error);
  },
);

test("each name has a value, and each value a name", () => {
  const query = expect.objectContaining({ code: "ERR_QUERY" }) as Error;
  expect(() => checkParameters("SELECT :a", { a: null })).not.toThrow();
  expect(() => checkParameters("SELECT :a", {})).toThrow(query);
  expect(() => checkParameters("SELECT :toString", {})).toThrow(query);
  expect(() => checkParameters("SELECT 1", { a: 1 })).toThrow(query);
});

test.each([undefined, {}, new Date(), [1], () => 1, Symbol("x")])("refuses %s as a value", (value) => {
  expect(() => checkParameters("SELECT :a", { a: value as never })).toThrow(
    expect.objectContaining({ code: "ERR_INVALID_OPTION" }) as Error,
  );
});
