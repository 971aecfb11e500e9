import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "./support.ts";

const CHILD = fileURLToPath(new URL("./children/answers.ts", import.meta.url));
const folder = temporaryFolder();
const path = join(folder, "file.txt");
writeFileSync(path, "text");

test("a file that may not be read is answered with 403", async () => {
  chmodSync(folder, 0o755);
  const secret = join(folder, "secret.txt");
  writeFileSync(secret, "secret", { mode: 0o600 });
  mkdirSync(join(folder, "closed"), { mode: 0o700 });
  // Root may read everything: nobody may not.
  const who = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  if (who.uid === undefined) chmodSync(secret, 0o000);
  if (who.uid === undefined) chmodSync(join(folder, "closed"), 0o000);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [CHILD, path, secret, join(folder, "closed/below")],
    who,
  );
  const forbidden = { title: "Forbidden", status: 403 };
  expect(JSON.parse(stdout)).toEqual([
    [200, null, ""],
    [403, null, forbidden],
    [403, null, forbidden],
  ]);
  chmodSync(join(folder, "closed"), 0o700);
});

test("where no more files can be opened, the answer is 503, and when to come back", async () => {
  const command = `ulimit -n 100; exec "$0" "$@"`;
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", command, process.execPath, CHILD, "--exhaust", path]);
  expect(JSON.parse(stdout)).toEqual([[503, "2", { title: "Service Unavailable", status: 503 }]]);
});
