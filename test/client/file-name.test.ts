import { expect, test } from "vitest";
import { fileNameOf } from "../../src/client/file-name.ts";
import { contentDisposition } from "../../src/http/disposition.ts";

const url = new URL("http://localhost/a/b%20c.bin?x=/y#z");

test.each([
  [null, "b c.bin"],
  ["attachment", "b c.bin"],
  ["attachment; filename=plain.txt", "plain.txt"],
  ['attachment; filename="two words.txt"', "two words.txt"],
  [String.raw`attachment; filename="a \"quoted\" one"`, 'a "quoted" one'],
  ["attachment; filename=\"no.txt\"; filename*=UTF-8''%c3%9cbung.txt", "Übung.txt"],
  ["attachment; filename*=UTF-8''%c3%9cbung.txt; filename=no.txt", "Übung.txt"],
  ["attachment; filename*=UTF-8''%ff; filename=yes.txt", "yes.txt"],
  ['attachment; filename="\u00c3\u009cbung.txt"', "Übung.txt"],
  ['attachment; filename="../../etc/passwd"', "passwd"],
  [String.raw`attachment; filename="C:\\dir\\file.txt"`, "file.txt"],
  ["attachment; filename*=UTF-8''%2fetc%2fcron.d%2fx", "x"],
  ['attachment; filename=".bashrc"', "bashrc"],
  ['attachment; filename=".."', "b c.bin"],
  ['attachment; filename="..."', "b c.bin"],
  ['attachment; filename=""', "b c.bin"],
  ['attachment; filename="-rf"', "_rf"],
  ["attachment; filename*=UTF-8''a%00b%0a%1b%5bc.txt", "ab[c.txt"],
  ["attachment; filename*=UTF-8''gpj%e2%80%ae.exe", "gpj.exe"],
])("of %j it takes %j", (field, name) => {
  expect(fileNameOf(field, url)).toBe(name);
});

test.each([
  ["http://localhost/", "download"],
  ["http://localhost/a/", "download"],
  ["http://localhost/%2e%2e%2f%2e%2e%2fpasswd", "passwd"],
  ["http://localhost/%zz", "download"],
])("of %s it takes %s", (address, name) => {
  expect(fileNameOf(null, new URL(address))).toBe(name);
});

test("long names keep their extension, and whole characters", () => {
  const name = fileNameOf(`attachment; filename*=UTF-8''${encodeURIComponent("😀".repeat(100))}.tar`, url);
  expect(name).toMatch(/^😀+\.tar$/u);
  expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
});

test("reads what Sluice writes, and long fields in no time", () => {
  expect(fileNameOf(contentDisposition("Übersicht 2026 100%41.csv"), url)).toBe("Übersicht 2026 100%41.csv");
  const before = performance.now();
  for (const field of [
    `a; ${"x".repeat(16_000)}`,
    `a;${' x="\\'.repeat(4000)}`,
    ";".repeat(16_000),
    `a; filename="${"\\".repeat(15_999)}`,
  ]) {
    fileNameOf(field, url);
  }
  expect(performance.now() - before).toBeLessThan(200);
});
