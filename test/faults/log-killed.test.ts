import { join } from "node:path";
import { expect, test } from "vitest";
import { findFaults } from "../logs/history.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { type Child, startChild } from "./support/child.ts";
import { until, within } from "./support/deadline.ts";
import { LogProducer } from "./support/log-producer.ts";
import { followEvents, pollLong, readAll } from "./support/log-readers.ts";
import { ran, scaled } from "./support/scale.ts";

const SERVER = new URL("servers/log-serving.ts", import.meta.url);
const PRODUCERS = 64;
const KILLS = scaled(3, 20);
const folder = temporaryFolder();

test(
  "kill -9 while 64 append: what was acknowledged is there, in order, once, and readers have missed nothing",
  { timeout: 600_000 },
  async () => {
    const path = join(folder.path, "streams.db");
    let child: Child = await startChild(SERVER, { argument: { path, port: 0 } });
    const { port } = child;
    try {
      const url = `${child.url}/v1/stream/killed`;
      expect((await fetch(url, { method: "PUT", headers: { "Content-Type": "application/json" } })).status).toBe(201);
      const producers = Array.from({ length: PRODUCERS }, (_, index) => new LogProducer(url, `p${index}`));
      const readers = [
        ...Array.from({ length: 3 }, (_, index) => followEvents(url, `events ${index}`)),
        ...Array.from({ length: 3 }, (_, index) => pollLong(url, `polls ${index}`)),
      ];
      let acknowledged = 0;
      const running = Promise.all(producers.map((producer) => producer.run(() => acknowledged++)));
      const ended = Promise.all(readers.map((reader) => reader.ended));
      const failures: unknown[] = [];
      for (const promise of [running, ended]) promise.catch((error: unknown) => failures.push(error));
      const untilAcknowledged = async (count: number): Promise<void> => {
        const enough = acknowledged + count;
        await until(() => acknowledged >= enough || failures.length > 0, `${count} more appends`, 60_000);
        expect(failures).toEqual([]);
      };

      for (let kill = 0; kill < KILLS; kill++) {
        await untilAcknowledged(200 + Math.floor(Math.random() * 1000));
        child.process.kill("SIGKILL");
        await child.exited;
        for (const [index, producer] of producers.entries()) if (index % 8 === kill % 8) producer.restart();
        child = await startChild(SERVER, { argument: { path, port } });
      }
      await untilAcknowledged(500);
      for (const producer of producers) producer.stop();
      await within(running, "the end of all producers", 60_000);
      expect((await fetch(url, { method: "POST", headers: { "Stream-Closed": "true" } })).status).toBe(204);
      await within(ended, "the end of all readers", 60_000);

      const sent = producers.flatMap((producer) => producer.sent);
      const final = await readAll(url);
      expect(findFaults({ sent, readers: readers.map(({ record }) => record), final })).toEqual([]);
      expect(readers.map(({ record }) => record.messages.length)).toEqual(readers.map(() => final.length));
      const repeated = sent.filter(({ isRepeated }) => isRepeated).length;
      const unknown = sent.filter((append) => append.acknowledged === undefined).length;
      ran(
        `${KILLS} kills, ${sent.length} appends, ${final.length} messages, ${repeated} of them repeated after they were there, ${unknown} never acknowledged`,
      );
      expect(repeated).toBeGreaterThan(0);
    } finally {
      await child[Symbol.asyncDispose]();
    }
  },
);
