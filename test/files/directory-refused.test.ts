import { execFile } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { writeAt } from "./directory-support.ts";
import { temporaryFolder } from "./support.ts";

interface Printed {
  answers: unknown[];
  again: unknown[];
  leaked: number;
}

const CHILD = fileURLToPath(new URL("./children/directory-answers.ts", import.meta.url));
const root = temporaryFolder();
chmodSync(root, 0o755);
writeAt(root, "file.txt", "text");
writeAt(root, "folder/index.html", "index");
writeAt(root, "listed/below.txt", "");
// Root may read everything: nobody may not.
const who = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const CLOSED_FILE = who.uid === undefined ? 0o000 : 0o600;
const CLOSED_FOLDER = who.uid === undefined ? 0o000 : 0o700;
chmodSync(writeAt(root, "secret.txt", "secret"), CLOSED_FILE);
chmodSync(writeAt(root, "coded.txt.gz", gzipSync("coded")), CLOSED_FILE);
writeAt(root, "coded.txt", "not coded");
writeAt(root, "closed/below.txt", "secret");
chmodSync(join(root, "closed"), CLOSED_FOLDER);
mkdirSync(join(root, "closed-index"));
chmodSync(writeAt(root, "closed-index/index.html", "secret"), CLOSED_FILE);

async function answersOf(options: object, ...targets: string[]): Promise<Printed> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CHILD, root, JSON.stringify(options), ...targets],
    who,
  );
  return JSON.parse(stdout) as Printed;
}
const CLOSED = [
  "/secret.txt",
  "/closed/below.txt",
  "/closed/",
  "/closed",
  "/closed-index/",
  "/closed-index/index.html",
];

test("what may not be read is 403, and nothing else is told", async () => {
  const { answers, leaked } = await answersOf({ listing: true }, "/file.txt", ...CLOSED, "/closed/missing.txt");
  const forbidden = { title: "Forbidden", status: 403 };
  expect(answers).toEqual([
    ["/file.txt", 200, null, "text"],
    ...[...CLOSED, "/closed/missing.txt"].map((target) => [target, 403, null, forbidden]),
  ]);
  expect(leaked).toBe(0);
});

test("with forbiddenAs 404 it cannot be told from what is not there", async () => {
  const { answers } = await answersOf({ forbiddenAs: 404, listing: true }, "/missing", ...CLOSED);
  const missing = { title: "Not Found", status: 404 };
  expect(answers).toEqual(["/missing", ...CLOSED].map((target) => [target, 404, null, missing]));
});

test("a coded form that may not be read is passed over", async () => {
  const { answers } = await answersOf({}, "/coded.txt");
  expect(answers).toEqual([["/coded.txt", 200, null, "not coded"]]);
});

test("where no more files can be opened, the answer is 503 and when to come back; then all is as before", async () => {
  const targets = ["/file.txt", "/folder/", "/folder", "/listed/"];
  const { stdout } = await promisify(execFile)("/bin/sh", [
    "-c",
    `ulimit -n 100; exec "$0" "$@"`,
    process.execPath,
    CHILD,
    root,
    JSON.stringify({ listing: true }),
    ...targets,
    "--exhaust",
  ]);
  const { answers, again, leaked } = JSON.parse(stdout) as Printed;
  expect(answers).toEqual(targets.map((target) => [target, 503, "2", { title: "Service Unavailable", status: 503 }]));
  expect(again).toMatchObject([
    ["/file.txt", 200, null, "text"],
    ["/folder/", 200, null, "index"],
    ["/folder", 301, null, ""],
    ["/listed/", 200, null, expect.stringContaining("below.txt")],
  ]);
  expect(leaked).toBe(0);
});
