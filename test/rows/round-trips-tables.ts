/** Tables that are hard to write and to read: their cells are text or NULL. */
import { sample, tuple, constant, oneof, string } from "fast-check";
import { hostileText } from "./support.ts";

export type Cell = string | null;

export interface NastyTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const NASTY: readonly Cell[] = [
  null,
  "",
  " ",
  "  leading and trailing  ",
  "\tbetween tabs\t",
  '"',
  '""',
  'say "x"',
  ",",
  "a,b,,c",
  '","',
  "\r",
  "\n",
  "\r\n",
  "\n\r",
  "ends in a line end\r\n",
  "\r\nbegins with one",
  "line 1\nline 2\r\nline 3\rline 4",
  '"quoted"\r\n"twice"',
  "\\",
  "\\\\",
  "\\n is no line end",
  "\\N",
  "\\.",
  "\\.\\",
  "line\n\\.\nline",
  "NULL",
  "null",
  "\u{feff}begins with a byte order mark",
  "😊",
  "é is two characters",
  "👩‍👩‍👧‍👦 is seven",
  "\u{202e}backwards",
  "李 Ünïcödé ﷽",
  "\u{1}\u{7f}\u{85}\u{2028}",
  "\b\f\v",
  "=1+1",
  "@x",
  "007",
  "1e5",
  "true",
  "#comment",
  ";|^",
  "'single'",
  "'",
  "sep=,",
];

/** A cell with a line that is `\.`, behind its first: PostgreSQL before 18 takes that for the end of any CSV. */
export function endsCopy(cell: Cell): boolean {
  return cell !== null && /[\r\n]\\\.(?:[\r\n]|$)/u.test(cell);
}

/** Those that every reader can read in every row. */
const SHORT = NASTY.filter((cell) => !endsCopy(cell));

const LONG = `"${'a long cell, with "quotes", and\r\nlines\n'.repeat(25_000)}`;

/** The same every time for one seed. */
function generated(seed: number, rows: number): Cell[][] {
  const cell = oneof(
    { weight: 1, arbitrary: constant(null) },
    { weight: 1, arbitrary: constant("") },
    { weight: 3, arbitrary: hostileText },
    {
      weight: 2,
      arbitrary: string({ unit: oneof(...['"', ",", "\r", "\n", "\\", ".", " "].map((unit) => constant(unit))) }),
    },
  ).map((text) => text?.replaceAll("\0", "").toWellFormed() ?? null);
  return sample(tuple(cell, cell, cell), { numRuns: rows, seed });
}

/** @param seed - of what is generated */
export function nastyTables(seed: number): NastyTable[] {
  const names = Array.from({ length: 1000 }, (_, index) => `column ${index}`);
  return [
    {
      name: "every nasty cell, at every place",
      columns: ["a", "b", "c"],
      rows: NASTY.flatMap((cell) => [
        [cell, "b", "c"],
        ["a", cell, "c"],
        ["a", "b", cell],
        [cell, cell, cell],
      ]),
    },
    { name: "one column", columns: ["only"], rows: NASTY.map((cell) => [cell]) },
    { name: "no rows", columns: ["a", "b"], rows: [] },
    { name: "no rows of one column", columns: ["only"], rows: [] },
    {
      name: "1,000 columns",
      columns: names,
      rows: [0, 1, 2].map((row) => names.map((_, index) => SHORT[(index + row * 7) % SHORT.length]!)),
    },
    { name: "columns of the same name", columns: ["a", "a", "b", "a"], rows: [["1", null, '"', ""]] },
    {
      name: "names that are nasty, too",
      columns: ['say "x"', "a,b", "line\r\nbreak", " ", "😊"],
      rows: [["1", "2", "3", "4", "5"]],
    },
    {
      name: "cells of 1 MB",
      columns: ["a", "b"],
      rows: [
        ["before", LONG],
        [LONG, "after"],
      ],
    },
    { name: `generated cells (seed ${seed})`, columns: ["a", "b", "c"], rows: generated(seed, 1_000) },
    {
      name: "10,000 rows",
      columns: ["i", "t", "n"],
      rows: Array.from({ length: 10_000 }, (_, index) => [
        String(index),
        NASTY[index % NASTY.length]!,
        index % 3 ? "x" : null,
      ]),
    },
  ];
}
