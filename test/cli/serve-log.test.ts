import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { curl } from "../helpers/curl.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { Sluice } from "./sluice.ts";

const folder = temporaryFolder();
const STREAM = "/v1/stream/a/b";

test("without --log there are no streams", async () => {
  await using sluice = new Sluice(["serve", "--port", "0"]);
  expect((await fetch(`${await sluice.listening()}${STREAM}`, { method: "PUT" })).status).toBe(404);
});

test.each([
  ["a signal", "SIGTERM"],
  ["kill -9", "SIGKILL"],
] as const)(
  "--log sqlite:PATH makes the file and its folder, and has its streams again after %s",
  async (_what, signal) => {
    const file = join(folder.path, signal, "deeper", "streams.db");
    {
      await using sluice = new Sluice(["serve", "--port", "0", "--log", `sqlite:${file}`]);
      const url = `${await sluice.listening()}${STREAM}`;
      expect(sluice.stderr).toContain(`sqlite:${file}`);
      const sent = { method: "PUT", headers: { "Content-Type": "text/plain" }, body: "kept, " };
      expect((await fetch(url, sent)).status).toBe(201);
      expect((await fetch(url, { ...sent, method: "POST", body: "too" })).status).toBe(204);
      sluice.kill(signal);
      await sluice.end();
      // What is closed in order is one file, and the one that says whose it is.
      if (signal === "SIGTERM")
        expect(readdirSync(join(file, "..")).toSorted()).toEqual(["streams.db", "streams.db-lock"]);
    }
    await using sluice = new Sluice(["serve", "--port", "0"], { SLUICE_LOG: `sqlite:${file}` });
    expect((await curl(`${await sluice.listening()}${STREAM}`)).body.toString()).toBe("kept, too");
  },
);

test("--log memory: has streams, too", async () => {
  await using sluice = new Sluice(["serve", "--port", "0", "--log", "memory:"]);
  expect((await fetch(`${await sluice.listening()}${STREAM}`, { method: "PUT" })).status).toBe(201);
});

test("a log that cannot be opened ends it with 1, and says why", async () => {
  const path = join(folder.path, "other.db");
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE t (a)");
  other.close();
  for (const [url, words] of [
    [`sqlite:${path}`, "is a database of another program"],
    [`sqlite:${join(path, "inside", "a.db")}`, "ENOTDIR"],
    ["redis://x", "is memory:, or sqlite:PATH"],
  ] as const) {
    await using sluice = new Sluice(["serve", "--port", "0", "--log", url]);
    expect(await sluice.end(15_000)).toBe(1);
    expect(sluice.stderr).toContain(words);
    expect(sluice.stderr).toContain("--log");
  }
  expect(existsSync(`${path}-lock`)).toBe(false);
});
