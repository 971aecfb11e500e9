import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { directory } from "../../src/index.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { writeAt } from "./directory-support.ts";
import { openDescriptors, serveHere, temporaryFolder } from "./support.ts";

const SWAPPER = fileURLToPath(new URL("./children/path-swapper.ts", import.meta.url));
const REQUESTS = 2_000;
const CONNECTIONS = 8;

watchReports();

/** Another process, which changes what a name stands for as fast as it can. */
async function startSwapping(mode: string, name: string, ...targets: string[]): Promise<AsyncDisposable> {
  const child: ChildProcess = spawn(process.execPath, [SWAPPER, mode, name, ...targets], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await within(once(child.stdout!, "data"), "the swapping");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Asks for the targets in turn, several at a time; counts the answers by status and body. */
async function askAgainAndAgain(port: number, targets: readonly string[], count: number): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  const askMany = async (): Promise<void> => {
    for (let index = 0; index < count / CONNECTIONS; index++) {
      const response = await fetch(`http://127.0.0.1:${port}${targets[index % targets.length]!}`);
      const body = await response.text();
      const what = `${response.status} ${response.status === 200 ? body : ""}`.trim();
      seen.set(what, (seen.get(what) ?? 0) + 1);
    }
  };
  await within(Promise.all(Array.from({ length: CONNECTIONS }, askMany)), "all answers", 60_000);
  return seen;
}

test(
  "the bytes of a file outside never appear, however fast a name is set to it and back",
  { timeout: 90_000 },
  async () => {
    const base = temporaryFolder();
    const root = join(base, "root");
    writeAt(base, "outside/secret.txt", "secret");
    writeAt(base, "outside/index.html", "secret");
    writeAt(base, "outside/style.css.gz", "secret");
    writeAt(root, "inside.txt", "public");
    writeAt(root, "folder/secret.txt", "public");
    writeAt(root, "folder/index.html", "public");
    writeAt(root, "style.css", "public");
    writeAt(root, "inside.gz", "public");
    await using _file = await startSwapping("link", join(root, "file.txt"), "inside.txt", "../outside/secret.txt");
    await using _folder = await startSwapping("link", join(root, "swapped"), "folder", "../outside");
    await using _coded = await startSwapping(
      "link",
      join(root, "style.css.gz"),
      "inside.gz",
      "../outside/style.css.gz",
    );
    await using server = await serveHere(directory(root));
    const seen = await askAgainAndAgain(server.port, ["/file.txt", "/swapped/secret.txt", "/swapped/"], REQUESTS);
    expect(Object.keys(Object.fromEntries(seen)).toSorted()).toEqual(["200 public", "404"]);
    // Both were to be seen often: there was a race.
    for (const count of seen.values()) expect(count).toBeGreaterThan(REQUESTS / 50);
    await until(() => openDescriptors(base) === 0, "closing every file", 1_000);
  },
);

test("a root that is replaced in one step is there all the time", { timeout: 90_000 }, async () => {
  const base = temporaryFolder();
  const root = join(base, "root");
  for (const name of ["1", "2"]) writeAt(base, `${name}/file.txt`, "public");
  symlinkSync("1", root);
  await using server = await serveHere(directory(root));
  await using _root = await startSwapping("link", root, "1", "2");
  const seen = await askAgainAndAgain(server.port, ["/file.txt"], REQUESTS);
  expect(Object.fromEntries(seen)).toEqual({ "200 public": REQUESTS });
});

test("a root that is replaced in two steps is 404 in between, and an error never", { timeout: 90_000 }, async () => {
  const base = temporaryFolder();
  const root = join(base, "root");
  for (const name of ["1", "2"]) writeAt(base, `${name}/file.txt`, "public");
  symlinkSync("1", root);
  await using server = await serveHere(directory(root));
  await using _root = await startSwapping("remove", root, "1", "2");
  const seen = await askAgainAndAgain(server.port, ["/file.txt"], REQUESTS);
  expect(Object.keys(Object.fromEntries(seen)).toSorted()).toEqual(["200 public", "404"]);
});

test("a folder that is replaced while its listing is made shows nothing that is outside", async () => {
  const base = temporaryFolder();
  const root = join(base, "root");
  mkdirSync(join(base, "outside"));
  writeAt(base, "outside/secret.txt", "secret");
  writeAt(root, "folder/file.txt", "public");
  const response = await directory(root, { listing: true })(new Request("http://host/folder/"));
  renameSync(join(root, "folder"), join(root, "moved"));
  symlinkSync("../outside", join(root, "folder"));
  expect(await response.text().catch(() => "")).not.toContain("secret.txt");
});
