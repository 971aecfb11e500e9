import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { openSpool, spooled } from "sluice";
import { expect, test } from "vitest";
import { temporaryFolder } from "../helpers/temporary.ts";
import { ran, scaled } from "./support/scale.ts";
import { contentOf, hashOfContent } from "./support/spool-content.ts";

const SCRIPT = new URL("servers/spooling.ts", import.meta.url).pathname;
const KILLS = scaled(6, 50);
const folder = temporaryFolder();

/** Runs it until a moment that nobody chose; gives the keys that it said were finished. */
async function runAndKill(path: string): Promise<string[]> {
  const child: ChildProcess = spawn(process.execPath, [SCRIPT, path], { stdio: ["ignore", "pipe", "inherit"] });
  const finished: string[] = [];
  const lines = createInterface({ input: child.stdout! });
  await once(lines, "line");
  lines.on("line", (key) => finished.push(key));
  await wait(Math.random() * 400);
  const ended = Promise.all([once(child, "exit"), once(lines, "close")]);
  child.kill("SIGKILL");
  await ended;
  return finished;
}

test("kill -9 at any moment: what was finished is whole, what was not has failed", { timeout: 600_000 }, async () => {
  const path = mkdtempSync(join(folder.path, "killed-"));
  const said = new Set<string>();
  let failed = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    for (const key of await runAndKill(path)) said.add(key);
    const spool = await openSpool({ folder: path });
    const states = new Map<string, string>();
    for (const body of spool.list()) {
      const { key, state, sha256, byteLength } = body.record;
      const name = key!.slice("body ".length);
      states.set(name, state);
      expect(["finished", "failed"]).toContain(state);
      const handler = spooled(name, () => contentOf(name), { spool });
      const response = await handler(new Request(`http://host/?run=${body.record.id}`));
      if (state === "finished") {
        const bytes = Buffer.from(await response.arrayBuffer());
        expect(bytes.byteLength).toBe(byteLength);
        const digest = Buffer.from(await crypto.subtle.digest("SHA-256", bytes)).toString("hex");
        expect([digest, sha256]).toEqual([await hashOfContent(name), await hashOfContent(name)]);
      } else {
        failed++;
        expect(response.status).toBe(410);
      }
      // The next round finds only its own.
      await spool.remove(body);
    }
    // What it was said to be finished is.
    for (const key of said) expect([key, states.get(key)]).toEqual([key, "finished"]);
    said.clear();
    expect(readdirSync(path)).toEqual(["owner"]);
    await spool.close();
  }
  ran(`${KILLS} kills, ${failed} bodies were cut`);
  expect(failed).toBeGreaterThan(0);
});
