import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareDemoData } from "../../src/server/demo-data.ts";
import { Sluice } from "../cli/sluice.ts";
import { until } from "../helpers/deadline.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "sluice-data-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function countRows(path: string): unknown {
  const database = new DatabaseSync(path, { readOnly: true });
  const { rows } = database.prepare("SELECT count(*) AS rows FROM huge_table").get()!;
  database.close();
  return rows;
}

test("the data is made once", async () => {
  const data = await prepareDemoData(join(folder, "deep/er"), { rows: 120_000 });
  expect(countRows(data.database)).toBe(120_000);
  const lines = readFileSync(data.lines, "utf8").split("\n");
  expect([lines.length, lines[0], lines.at(-2), lines.at(-1)]).toEqual([
    600_001,
    "line 1 of 600000",
    "line 600000 of 600000",
    "",
  ]);
  expect(existsSync(data.video)).toBe(true);
  const { ino } = statSync(data.database);
  const again = await prepareDemoData(join(folder, "deep/er"), {
    rows: 120_000,
    onProgress: () => expect.unreachable("nothing is to be made"),
  });
  expect(again).toEqual(data);
  expect(statSync(data.database).ino).toBe(ino);
});

test("the table has what exports have to get right", async () => {
  const { database: path } = await prepareDemoData(folder, { rows: 100 });
  const database = new DatabaseSync(path, { readOnly: true });
  const count = (where: string): unknown =>
    database.prepare(`SELECT count(*) AS n FROM huge_table WHERE ${where}`).get()!["n"];
  for (const where of [
    "name LIKE '%,%'",
    `name LIKE '%"%'`,
    "name LIKE '%李%'",
    "note IS NULL",
    "note = ''",
    "amount != round(amount)",
  ]) {
    expect([where, count(where)]).not.toEqual([where, 0]);
  }
  expect(count("id BETWEEN 1 AND 100")).toBe(100);
  database.close();
});

test("data of another size is made anew", async () => {
  await prepareDemoData(folder, { rows: 100 });
  const { database } = await prepareDemoData(folder, { rows: 200 });
  expect(countRows(database)).toBe(200);
  expect(readdirSync(folder)).toEqual(["demo"]);
});

test("progress goes from nothing to all", async () => {
  const seen: number[] = [];
  let stopped = 0;
  let total = 0;
  await prepareDemoData(folder, {
    rows: 120_000,
    onProgress(amount) {
      total = amount;
      return { update: (done) => void seen.push(done), stop: () => void stopped++ };
    },
  });
  expect(seen.length).toBeGreaterThan(5);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
  expect([seen.at(-1), stopped]).toEqual([total, 1]);
});

test("several processes that make it at a time end with one that is whole", async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => prepareDemoData(folder, { rows: 500 })));
  expect(countRows(all[0]!.database)).toBe(500);
  expect(readdirSync(folder)).toEqual(["demo"]);
});

test("what was killed halfway is made again, and leaves nothing behind", { timeout: 40_000 }, async () => {
  const args = ["serve", "--demo", "--port", "0", "--data", folder, "--demo-rows"];
  {
    await using killed = new Sluice([...args, "3000000"]);
    await until(() => readdirSync(folder).some((name) => name.startsWith("making-")), "data that is being made");
    await until(() => killed.stderr.includes("25 %"), "some of it");
    killed.kill("SIGKILL");
    await killed.end();
  }
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^making-/u)]);
  await using sluice = new Sluice([...args, "1000"]);
  await sluice.listening();
  expect(sluice.stderr).toContain("100 %");
  expect(readdirSync(folder)).toEqual(["demo", "spool"]);
  expect(countRows(join(folder, "demo/huge.db"))).toBe(1000);
});
