import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CONTENT, FaultServer, SHA_256, head, lockOf, partOf, sends, sound } from "../client/support.ts";
import { GetProcess } from "../client/run-get.ts";
import { until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const folder = temporaryFolder();
let count = 0;
function freshFolder(): string {
  const path = join(folder.path, String(count++));
  mkdirSync(path);
  return path;
}
const hex = SHA_256.toString("hex");
const quick = ["--max-retry-delay", "0.05", "--retries", "3"];

test("saves under the answer's name, says what it has checked, and ends with 0", async () => {
  const cwd = freshFolder();
  const disposition = `Content-Disposition: attachment; filename="../../report.bin"`;
  await using server = await FaultServer.start(
    sound({ fields: [disposition], cutAt: 20_000 }),
    sound({ fields: [disposition] }),
  );
  await using run = new GetProcess(cwd, `${server.url}/x/other.bin`, "--sha256", hex, ...quick);
  expect(await run.end()).toBe(0);
  expect(readdirSync(cwd)).toEqual(["report.bin"]);
  expect(readFileSync(join(cwd, "report.bin")).equals(CONTENT)).toBe(true);
  expect(run.stderr).toContain("sluice: report.bin: 50000 bytes, sha-256 is right\n");
  expect(run.stdout.byteLength).toBe(0);
  writeFileSync(join(cwd, "other"), "");
  expect(statSync(join(cwd, "report.bin")).mode).toBe(statSync(join(cwd, "other")).mode);
});

test("a run that has to learn the name first goes on with what is there under it", async () => {
  const cwd = freshFolder();
  await using server = await FaultServer.start(sound({ cutAt: 20_000 }), sound());
  await using first = new GetProcess(cwd, `${server.url}/named.bin`, "--retries", "0");
  expect(await first.end()).toBe(1);
  expect(readdirSync(cwd).toSorted()).toEqual(["named.bin.part", "named.bin.part.state"]);
  await using second = new GetProcess(cwd, `${server.url}/named.bin`, "--sha256", hex);
  expect(await second.end()).toBe(0);
  expect(server.requests.map(({ from }) => from)).toEqual([undefined, undefined, 20_000]);
  expect(readdirSync(cwd)).toEqual(["named.bin"]);
});

test.each([
  [["ftp://localhost/"], "A URL begins with"],
  [["localhost"], "A URL begins with"],
  [["http://localhost/", "-H", "no field"], 'A field is "Name: value"'],
  [["http://localhost/", "-H", "Range: bytes=0-"], "not yours to set"],
  [["http://localhost/", "--sha256", "abc"], "64 hexadecimal digits"],
  [["http://localhost/", "--retries", "-1"], "--retries"],
  [["http://localhost/", "--stall-timeout", "0"], "number of seconds"],
  [["http://localhost/", "--no-such-option"], "unknown option"],
  [[], "missing required argument"],
])("%j is an error of usage", async (args, message) => {
  await using run = new GetProcess(folder.path, ...args);
  expect(await run.end()).toBe(2);
  expect(run.stderr).toContain(message);
});

test("what cannot be had ends with 1, and one sentence", async () => {
  const cwd = freshFolder();
  await using server = await FaultServer.start(sends(head(404, "Content-Length: 0")));
  await using missing = new GetProcess(cwd, server.url);
  expect(await missing.end()).toBe(1);
  expect(missing.stderr).toBe("sluice: The server answered 404: there is nothing at this URL\n");
  await using nowhere = new GetProcess(cwd, "http://127.0.0.1:1/", ...quick, "--retries", "1", "-o", "x");
  expect(await nowhere.end()).toBe(1);
  expect(nowhere.stderr).toContain("127.0.0.1:1 cannot be reached (ECONNREFUSED) (attempt 2 without progress)\n");
  await using unwritable = new GetProcess(cwd, server.url, "-o", "no/such/folder");
  expect(await unwritable.end()).toBe(1);
  expect(unwritable.stderr).toContain("The folder is not there");
  expect(readdirSync(cwd)).toEqual([]);
});

test("Ctrl-C keeps what has come, says how to go on, and ends with 130", async () => {
  const cwd = freshFolder();
  const path = join(cwd, "file");
  await using server = await FaultServer.start(sound({ cutAt: 20_000, how: "stall" }), sound());
  await using run = new GetProcess(cwd, server.url, "-o", path);
  // Bytes are gathered before they are written: the answer has come when the state has been saved.
  await until(() => existsSync(`${partOf(path)}.state`) && existsSync(partOf(path)), "the answer");
  run.child.kill("SIGINT");
  expect(await run.end()).toBe(130);
  expect(run.stderr).toMatch(/^sluice: Interrupted.+\n$/u);
  expect(existsSync(lockOf(path))).toBe(false);
  await using again = new GetProcess(cwd, server.url, "-o", path, "--sha256", hex);
  expect(await again.end()).toBe(0);
});

test("to standard output it goes on within the run, and checks", async () => {
  await using server = await FaultServer.start(sound({ cutAt: 20_000 }), sound());
  await using run = new GetProcess(folder.path, server.url, "-o", "-", "--sha256", hex, ...quick);
  expect(await run.end()).toBe(0);
  expect(run.stdout.equals(CONTENT)).toBe(true);
  expect(server.requests[1]!.from).toBe(20_000);
  expect(run.stderr).toContain("standard output: 50000 bytes, sha-256 is right");
});

test("what stands on standard output already is not sent there again", async () => {
  await using server = await FaultServer.start(sound({ cutAt: 20_000 }), sound({ etag: '"b"' }));
  await using run = new GetProcess(folder.path, server.url, "-o", "-", ...quick);
  expect(await run.end()).toBe(1);
  expect(run.stdout.equals(CONTENT.subarray(0, 20_000))).toBe(true);
  expect(run.stderr).toContain("What was written to standard output cannot be taken back");
});

test("a reader of standard output that leaves ends it with 1, without a word", async () => {
  await using server = await FaultServer.start(sound({ content: Buffer.alloc(8_000_000) }));
  await using run = new GetProcess(folder.path, server.url, "-o", "-");
  run.child.stdout!.once("data", () => run.child.stdout!.destroy());
  expect(await run.end()).toBe(1);
  expect(run.stderr).toBe("");
});

test("where no terminal is, there is no bar", async () => {
  const cwd = freshFolder();
  writeFileSync(join(cwd, "there"), "");
  await using server = await FaultServer.start(sound());
  await using run = new GetProcess(cwd, server.url, "-o", "there", "--force");
  expect(await run.end()).toBe(0);
  expect(run.stderr).toBe("sluice: there: 50000 bytes, no digest to compare with\n");
});
