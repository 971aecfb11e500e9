import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Server } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../faults/support/random.ts";
import { curl } from "../helpers/curl.ts";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader, readToEnd } from "./support/event-reader.ts";
import { type Rig, startStreams } from "./support/rig.ts";

watchReports();

async function post(
  rig: Rig,
  name: string,
  contentType: string,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<string> {
  const answer = await fetch(rig.url(name), {
    method: "POST",
    headers: { "Content-Type": contentType },
    body,
  });
  expect(answer.status).toBe(204);
  return answer.headers.get("Stream-Next-Offset")!;
}

describe("an event for each message", () => {
  test("has the offset behind it for its id, from which a page goes on", async () => {
    await using rig = await startStreams();
    const offsets: string[] = [];
    for (const n of [1, 2, 3]) offsets.push(await rig.streams.append("s", [{ n }]));
    await rig.streams.append("s", [], { close: true });
    const { reader, status } = await readToEnd(rig.url("s"));
    expect(status).toBe(204);
    expect(reader.told).toEqual(
      [1, 2, 3].map((n, index) => ({ event: undefined, id: offsets[index], data: `{"n":${n}}` })),
    );
    const page = await fetch(rig.url("s", `offset=${reader.told[0]!.id}`));
    expect(await page.json()).toEqual([{ n: 2 }, { n: 3 }]);
  });

  test("comes as it is appended, in answers that say what they are", async () => {
    await using rig = await startStreams();
    await rig.put("s", "application/json");
    using reader = new EventReader(rig.url("s"));
    void reader.follow();
    await until(() => rig.watchers === 1, "a reader at the end");
    for (const n of [1, 2]) {
      await rig.streams.append("s", [n]);
      await reader.sees(n);
    }
    expect(reader.data).toEqual(["1", "2"]);
    expect(reader.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-content-type-options": "nosniff",
      "access-control-allow-origin": "*",
    });
  });

  test.each<[what: string, text: string, read?: string]>([
    ["several lines", "one\ntwo\nthree"],
    ["empty lines, also at the end", "\n\none\n\n"],
    ["nothing but a line's end", "\n"],
    ["CR and CRLF, as LF", "one\rtwo\r\nthree\r", "one\ntwo\nthree\n"],
    ["spaces in front and behind", "  two spaces\n one\ttab "],
    ["what looks like fields", "data: x\nid: 7\nevent: error\nretry: 1\n: comment\n:"],
    ["characters of one to four bytes", "aé€😀\u2028\u2029\0"],
    ["a line's end of Unicode before what looks like a field", "x\u2028id: 7\u2029event: error"],
    ["a byte order mark in front", "\ufeffmarked"],
  ])("keeps text with %s", async (_what, text, read = text) => {
    await using rig = await startStreams();
    await rig.put("s", "text/plain; charset=utf-8");
    await post(rig, "s", "text/plain", text);
    await post(rig, "s", "text/plain", "the next");
    await rig.streams.append("s", [], { contentType: "text/plain", close: true });
    const { reader } = await readToEnd(rig.url("s"));
    expect(reader.data).toEqual([read, "the next"]);
  });

  test("keeps JSON as it was sent, lines, digits and all", async () => {
    await using rig = await startStreams();
    await rig.put("s", "application/json");
    await post(rig, "s", "application/json", '[{\n  "a": 1.0,\n  "b": "\\n"\n}, 12345678901234567890, 1e999]');
    await rig.streams.append("s", [], { close: true });
    const { reader } = await readToEnd(rig.url("s"));
    expect(reader.data).toEqual(['{\n  "a": 1.0,\n  "b": "\\n"\n}', "12345678901234567890", "1e999"]);
    expect(reader.headers).not.toHaveProperty("stream-sse-data-encoding");
  });

  test("is Base64 where the stream is of bytes, and says so", async () => {
    await using rig = await startStreams();
    await rig.put("s", "application/octet-stream");
    const messages = [Uint8Array.of(0, 255, 10, 13, 0), crypto.getRandomValues(new Uint8Array(60_000))];
    for (const message of messages) await post(rig, "s", "application/octet-stream", message);
    await rig.streams.append("s", [], { contentType: "application/octet-stream", close: true });
    const { reader } = await readToEnd(rig.url("s"));
    expect(reader.data.map((data) => Uint8Array.from(Buffer.from(data, "base64")))).toEqual(messages);
    expect(reader.headers["stream-sse-data-encoding"]).toBe("base64");
  });
});

describe("where a reader begins", () => {
  test("is where Last-Event-ID says, also against offset", async () => {
    await using rig = await startStreams();
    const first = await rig.streams.append("s", [1]);
    const second = await rig.streams.append("s", [2]);
    await rig.streams.append("s", [3], { close: true });
    const from = async (query: string, lastEventId?: string): Promise<string[]> => {
      const headers = lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId };
      return (await readToEnd(rig.url("s", query), { headers })).reader.data;
    };
    expect(await from("")).toEqual(["1", "2", "3"]);
    expect(await from("offset=-1")).toEqual(["1", "2", "3"]);
    expect(await from(`offset=${second}`)).toEqual(["3"]);
    expect(await from(`offset=${second}`, first)).toEqual(["2", "3"]);
    expect(await from("offset=now", first)).toEqual(["2", "3"]);
    expect(await from(`lastEventId=${first}`)).toEqual(["2", "3"]);
  });

  test("is answered with 400 where Last-Event-ID is none of ours", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", [1]);
    for (const id of ["7", "now", "-1", "0000000000000000_0000000000000001~", "é"]) {
      const { status } = await new EventReader(rig.url("s"), { headers: { "Last-Event-ID": id } }).connect();
      expect(status, id).toBe(400);
    }
  });

  test("is not forgotten by one who asked for what comes from now on, and was cut before anything came", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", ["before"]);
    using reader = new EventReader(rig.url("s", "offset=now"));
    const connection = reader.connect();
    await until(() => reader.comments.length > 0 || reader.lastEventId !== "", "the beginning of the answer");
    reader.cut();
    await connection;
    await rig.streams.append("s", ["while nobody read"]);
    void reader.follow();
    await reader.sees(1);
    expect(reader.data).toEqual(['"while nobody read"']);
  });

  test("is told to HEAD as the end, without events", async () => {
    await using rig = await startStreams();
    const offset = await rig.streams.append("s", [1, 2]);
    const answer = await fetch(rig.url("s"), { method: "HEAD", headers: { Accept: "text/event-stream" } });
    expect([answer.status, answer.headers.get("Content-Type"), await answer.text()]).toEqual([
      200,
      "application/json",
      "",
    ]);
    expect(answer.headers.get("Stream-Next-Offset")).toBe(offset);
    expect(rig.watchers).toBe(0);
  });
});

describe("a reader that is cut", () => {
  const MESSAGES = 6_000;
  const READERS = 6;

  /** Appends all the time, in small and large steps, one message or several at once. */
  async function write(rig: Rig, random: () => number): Promise<void> {
    for (let n = 0; n < MESSAGES;) {
      const count = Math.min(MESSAGES - n, random() < 0.7 ? 1 : Math.ceil(random() * 40));
      // Of different lengths, so that cuts are anywhere in an event.
      const values = Array.from({ length: count }, (_, index) => ({
        n: n + index,
        text: "é".repeat((n + index) % 50),
      }));
      await rig.streams.append("s", values);
      n += count;
      if (random() < 0.5) await turn();
    }
    await rig.streams.append("s", [], { close: true });
  }

  test.each([11, 12, 13])("loses no message and sees none twice, while more are written (seed %i)", async (seed) => {
    const random = seededRandom(seed);
    // Small pages: who is behind catches up in many.
    await using rig = await startStreams({ maxPageBytes: 4096 });
    await rig.put("s", "application/json");
    const readers = Array.from(
      { length: READERS },
      () =>
        new EventReader(rig.url("s"), { cutAfter: () => Math.floor(random() * (random() < 0.2 ? 100_000 : 12_000)) }),
    );
    const over = new AbortController();
    const following = Promise.all(readers.map((reader) => reader.follow()));
    const cutting = (async () => {
      while (!over.signal.aborted) {
        // The server's side cuts, too, whatever it has in hand.
        if (random() < 0.02) (rig.server.server as Server).closeAllConnections();
        await turn();
      }
    })();
    await write(rig, random);
    const statuses = await within(following, "the end of all readers");
    over.abort();
    await cutting;

    expect(statuses).toEqual(readers.map(() => 204));
    const numbers = Array.from({ length: MESSAGES }, (_, n) => n);
    for (const reader of readers) {
      expect(reader.told.map(({ data }) => (JSON.parse(data) as { n: number }).n)).toEqual(numbers);
      const ids = reader.told.map(({ id }) => id!);
      expect(ids.every((id, index) => index === 0 || id > ids[index - 1]!)).toBe(true);
      expect(reader.connections).toBeGreaterThan(15);
    }
  });
});

describe("curl", () => {
  test("follows a stream as it is, until its end", async () => {
    await using rig = await startStreams();
    const offset = await rig.streams.append("s", ["one\ntwo"], { contentType: "text/plain" });
    const child = spawn("curl", ["-sN", "--max-time", "8", "-H", "Accept: text/event-stream", rig.url("s")]);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const exited = once(child, "exit");
    await until(() => text === `id: ${offset}\ndata: one\ndata: two\n\n`, "the first event");
    const next = await rig.streams.append("s", [" three"], { contentType: "text/plain", close: true });
    expect(await within(exited, "curl's end")).toEqual([0, null]);
    expect(text).toBe(`id: ${offset}\ndata: one\ndata: two\n\nid: ${next}\ndata:  three\n\n`);
    const again = await curl(rig.url("s"), "-H", "Accept: text/event-stream", "-H", `Last-Event-ID: ${next}`);
    expect([again.exitCode, again.status, again.body.length]).toEqual([0, 204, 0]);
  });
});

test("a comment keeps a silent connection open", async () => {
  await using rig = await startStreams({ keepAliveMs: 40 });
  await rig.put("s", "application/json");
  using reader = new EventReader(rig.url("s"));
  void reader.follow();
  await until(() => reader.comments.filter((comment) => comment.includes("keep-alive")).length >= 3, "three comments");
  await rig.streams.append("s", [1]);
  await reader.sees(1);
  expect([reader.told.length, reader.connections]).toEqual([1, 1]);
});
