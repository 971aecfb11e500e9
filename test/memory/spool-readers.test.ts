import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startChild } from "../faults/support/child.ts";
import { Connection, get } from "../faults/support/connection.ts";
import { until } from "../faults/support/deadline.ts";
import { ran, scaled, toGrowth } from "../faults/support/scale.ts";
import { MOST_GROWTH_BYTES, treeBytes } from "./rows-server.ts";

const READERS = 100;
/** Of them, those who take their first bytes, and then nothing. */
const STALLED = 30;
const BYTES = scaled(32, 256) * 2 ** 20;

test(
  "a hundred readers of one run, a third of them asleep, cost no more than 64 MiB",
  { timeout: 300_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-memory-"));
    const readers: Connection[] = [];
    try {
      await using child = await startChild(new URL("./servers/spooled-body.ts", import.meta.url), {
        argument: { folder: join(folder, "spool"), bytes: BYTES },
      });
      await fetch(child.url, { redirect: "manual" });
      await until(async () => (await child.ask("length")) === BYTES / 2, "the first half", 60_000);
      await child.ask("memory");
      const idleBytes = treeBytes(child.process.pid!);
      const run = `/?run=${await child.ask<string>("run")}`;

      let most = idleBytes;
      const sampling = setInterval(() => (most = Math.max(most, treeBytes(child.process.pid!))), 50);
      try {
        for (let index = 0; index < READERS; index++) {
          const first = Math.floor((index / READERS) * (BYTES / 2));
          const request = get(run, { Connection: "close", Range: `bytes=${first}-` });
          const reader = await Connection.open(child.port, request, { keep: false });
          readers.push(reader);
          if (index < STALLED) {
            await reader.receives(1, 60_000);
            reader.pause();
          }
        }
        await until(async () => (await child.ask("readers")) === READERS, "all readers", 60_000);
        await child.ask("goOn");
        await until(() => readers.slice(STALLED).every(({ ended }) => ended === "FIN"), "the end of all", 240_000);
      } finally {
        clearInterval(sampling);
      }
      ran(`${READERS} readers, ${STALLED} of them asleep, of ${BYTES / 2 ** 20} MiB: ${toGrowth(most - idleBytes)}`);
      expect(most - idleBytes).toBeLessThan(MOST_GROWTH_BYTES);
      for (const reader of readers.slice(0, STALLED)) reader.resume();
      await until(() => readers.every(({ ended }) => ended === "FIN"), "the end of those who slept", 240_000);
      for (const [index, { count }] of readers.entries()) {
        const first = Math.floor((index / READERS) * (BYTES / 2));
        expect(count).toBeGreaterThan(BYTES - first);
      }
    } finally {
      for (const reader of readers) reader.reset();
      rmSync(folder, { recursive: true });
    }
  },
);
