import { describe, expect, test } from "vitest";
import { until, within } from "../helpers/deadline.ts";
import { watchReports } from "../helpers/reports.ts";
import { EventReader, readToEnd } from "./support/event-reader.ts";
import { type Rig, startStreams } from "./support/rig.ts";

watchReports();

/** A reader that has come to the end, and waits there. */
async function followToEnd(
  rig: Rig,
  name: string,
  query = "",
): Promise<[EventReader, ReturnType<EventReader["connect"]>]> {
  const before = rig.watchers;
  const reader = new EventReader(rig.url(name, query));
  const connection = reader.connect();
  await until(() => rig.watchers > before || reader.told.length > 0, "a reader at the end");
  return [reader, connection];
}

describe("a stream that is closed", () => {
  test.each([
    ["with a last message", [2]],
    ["without one", []],
  ])("ends, then is answered with 204: %s", async (_how, last) => {
    await using rig = await startStreams();
    await rig.streams.append("s", [1]);
    const [reader, connection] = await followToEnd(rig, "s");
    await reader.sees(1);
    await rig.streams.append("s", last, { close: true });
    expect(await within(connection, "the end")).toEqual({ status: 200, isClean: true });
    expect(await reader.connect()).toEqual({ status: 204, isClean: true });
    expect(reader.data).toEqual(["1", ...last.map(String)]);
  });

  test("is answered with 204 at once where it has nothing", async () => {
    await using rig = await startStreams();
    await rig.put("s", "application/json", { "Stream-Closed": "true" });
    expect(await readToEnd(rig.url("s"))).toMatchObject({ status: 204, reader: { told: [], connections: 1 } });
  });
});

describe("a stream that has failed", () => {
  const error = { event: "error", data: '{"code":"out_of_words"}' };

  test("tells its code, once, and then 204", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", [1]);
    const [reader, connection] = await followToEnd(rig, "s");
    await rig.streams.append("s", [2], { failure: "out_of_words" });
    expect(await within(connection, "the end")).toEqual({ status: 200, isClean: true });
    expect(reader.told).toMatchObject([{ data: "1" }, { data: "2" }, error]);
    expect(await reader.connect()).toEqual({ status: 204, isClean: true });
    expect(reader.told).toHaveLength(3);
  });

  test("tells it also to who was cut before, and comes back", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", [1]);
    const [reader, connection] = await followToEnd(rig, "s");
    await reader.sees(1);
    reader.cut();
    await connection;
    await rig.streams.append("s", [], { failure: "out_of_words" });
    expect(await within(reader.follow(), "the end")).toBe(204);
    expect(reader.told).toMatchObject([{ data: "1" }, error]);
  });

  test("tells it to who comes later, behind all that was there", async () => {
    await using rig = await startStreams({ maxPageBytes: 1 });
    await rig.streams.append("s", [1, 2, 3], { failure: "out_of_words" });
    const { reader, status } = await readToEnd(rig.url("s"));
    expect(status).toBe(204);
    expect(reader.told).toMatchObject([{ data: "1" }, { data: "2" }, { data: "3" }, error]);
    const { reader: atEnd } = await readToEnd(rig.url("s", "offset=now"));
    expect(atEnd.told).toMatchObject([error]);
  });

  test("says so on the wire of the protocol, too", async () => {
    await using rig = await startStreams({ longPollTimeoutMs: 50 });
    const offset = await rig.streams.append("s", [1], { failure: "out_of_words" });
    for (const query of ["", "offset=now", `offset=${offset}&live=long-poll`]) {
      const { headers } = await fetch(rig.url("s", query));
      expect([headers.get("Stream-Failed"), headers.get("Stream-Closed")], query).toEqual(["out_of_words", "true"]);
    }
    const head = await fetch(rig.url("s"), { method: "HEAD" });
    expect(head.headers.get("Stream-Failed")).toBe("out_of_words");
    const reader = new EventReader(rig.url("s", "offset=-1&live=sse"));
    await reader.connect();
    const controls = reader.of("control").map(({ data }) => JSON.parse(data) as unknown);
    expect(controls.at(-1)).toMatchObject({ streamClosed: true, failed: "out_of_words" });
  });

  test("may have failed by its writer's word: Stream-Failed with the closing POST", async () => {
    await using rig = await startStreams();
    await rig.put("s", "application/json");
    const headers = { "Stream-Closed": "true", "Stream-Failed": "out_of_words" };
    expect((await fetch(rig.url("s"), { method: "POST", headers })).status).toBe(204);
    expect((await readToEnd(rig.url("s"))).reader.told).toMatchObject([error]);
  });
});

describe("a stream that is deleted", () => {
  test("breaks its readers off, and is 404 for those who come back", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", [1]);
    const [reader, connection] = await followToEnd(rig, "s");
    await reader.sees(1);
    await fetch(rig.url("s"), { method: "DELETE" });
    expect(await within(connection, "the end")).toEqual({ status: 200, isClean: false });
    expect(await reader.connect()).toMatchObject({ status: 404 });
    expect(reader.data).toEqual(["1"]);
  });

  test("shows its readers nothing of the next one of its name", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", ["old"]);
    const [reader, connection] = await followToEnd(rig, "s");
    await reader.sees(1);
    await rig.log.delete("s");
    await rig.streams.append("s", ["new, and longer than the old one was", "last"]);
    expect(await within(connection, "the end")).toMatchObject({ isClean: false });
    expect(reader.data).toEqual(['"old"']);
    using later = new EventReader(rig.url("s"));
    void later.follow();
    await later.sees(2);
    await rig.streams.append("s", ["live"]);
    await later.sees(3);
    expect(later.data).toEqual(['"new, and longer than the old one was"', '"last"', '"live"']);
  });

  test("is gone for its readers as well while others are forked from it", async () => {
    await using rig = await startStreams();
    await rig.streams.append("s", [1]);
    await rig.put("fork", "application/json", { "Stream-Forked-From": "/v1/stream/s" });
    const [reader, connection] = await followToEnd(rig, "s");
    const [forked, forkedConnection] = await followToEnd(rig, "fork");
    await fetch(rig.url("s"), { method: "DELETE" });
    expect(await within(connection, "the end")).toMatchObject({ isClean: false });
    expect(await reader.connect()).toMatchObject({ status: 410 });
    await rig.streams.append("fork", [2], { close: true });
    expect(await within(forkedConnection, "the end")).toMatchObject({ isClean: true });
    expect(forked.data).toEqual(["1", "2"]);
  });
});

describe("a stream that is trimmed", () => {
  const trimmed = (first: string): object => ({ event: "error", data: JSON.stringify({ code: "trimmed", first }) });

  test("tells a reader that comes back to what is not kept, and then 204", async () => {
    await using rig = await startStreams({ retention: { maxMessages: 2 } });
    const first = await rig.streams.append("s", [1]);
    const kept = await rig.streams.append("s", [2]);
    for (const n of [3, 4]) await rig.streams.append("s", [n]);
    const reader = new EventReader(rig.url("s"), { headers: { "Last-Event-ID": first } });
    expect(await reader.connect()).toEqual({ status: 200, isClean: true });
    expect(reader.told).toMatchObject([trimmed(kept)]);
    const again = new EventReader(rig.url("s"), { headers: { "Last-Event-ID": reader.lastEventId } });
    expect(await again.connect()).toMatchObject({ status: 204 });
  });

  test.each(["", "&live=long-poll", "&live=sse"])(
    "is 410 at an offset that is not kept, which says from where (%s)",
    async (live) => {
      await using rig = await startStreams({ retention: { maxMessages: 2 } });
      const offset = await rig.streams.append("s", [1]);
      const kept = await rig.streams.append("s", [2]);
      for (const n of [3, 4]) await rig.streams.append("s", [n]);
      for (const behind of [offset, "0000000000000000_0000000000000000"]) {
        const answer = await fetch(rig.url("s", `offset=${behind}${live}`));
        expect([answer.status, answer.headers.get("Stream-Next-Offset")]).toEqual([410, kept]);
        expect(await answer.json()).toMatchObject({ status: 410, code: "trimmed", first: kept });
      }
      expect(await (await fetch(rig.url("s", `offset=${kept}`))).json()).toEqual([3, 4]);
    },
  );

  test.each(["offset=-1", ""])("is read from the first that is kept by who gives no place (%j)", async (query) => {
    await using rig = await startStreams({ retention: { maxMessages: 2 }, maxPageBytes: 1 });
    for (const n of [1, 2, 3]) await rig.streams.append("s", [n]);
    const page = await fetch(rig.url("s", query));
    expect([page.status, await page.json()]).toEqual([200, [2]]);
    // Another message is the first before long.
    expect(page.headers.get("Cache-Control")).toBe("private, no-cache");
    const reader = new EventReader(rig.url("s", query));
    void reader.follow();
    await reader.sees(2);
    reader[Symbol.dispose]();
    expect(reader.data).toEqual(["2", "3"]);
  });

  test("is waited at from its end on, where nothing is kept", async () => {
    await using rig = await startStreams({ retention: { maxMessages: 0 } });
    await rig.streams.append("s", [1]);
    const polled = fetch(rig.url("s", "offset=-1&live=long-poll"));
    await until(() => rig.watchers > 0, "a poll that waits");
    await rig.log.append("s", { messages: [new TextEncoder().encode("2")] });
    expect(await (await polled).json()).toEqual([2]);
    using reader = new EventReader(rig.url("s", "offset=-1&live=sse"));
    void reader.connect();
    await reader.sees(2);
    expect(reader.told).toMatchObject([{ event: "data", data: "[2]" }, { event: "control" }]);
  });

  test("tells a reader that is overtaken by it while he follows, and then 204", async () => {
    await using rig = await startStreams({ maxPageBytes: 1024 * 1024 });
    const messages = 64;
    // More than a connection takes, so that he is in the middle of it.
    for (let n = 0; n < messages; n++) await rig.streams.append("s", [String(n % 10).repeat(512 * 1024)]);
    const reader = new EventReader(rig.url("s"));
    const connection = reader.connect();
    await reader.sees(1);
    reader.pause();
    const seen = reader.told.length;
    const { info } = (await rig.log.trim("s", { maxMessages: 2 })) as { info: { first: number } };
    reader.resume();
    expect(await within(connection, "the end")).toEqual({ status: 200, isClean: true });
    expect(seen).toBeLessThan(messages);
    const first = `0000000000000000_${String(info.first).padStart(16, "0")}`;
    expect(reader.told.at(-1)).toMatchObject(trimmed(first));
    expect(reader.of("error")).toHaveLength(1);
    // What he had until then has no hole.
    expect(reader.of(undefined).map(({ data }) => data[1])).toEqual(
      reader.of(undefined).map((_event, n) => String(n % 10)),
    );
    expect(await reader.connect()).toMatchObject({ status: 204 });
  });

  test("has no effect on who is at the end", async () => {
    await using rig = await startStreams({ retention: { maxMessages: 1 } });
    await rig.put("s", "application/json");
    const [reader] = await followToEnd(rig, "s");
    using _ = reader;
    for (const n of [1, 2, 3]) {
      await rig.streams.append("s", [n]);
      await reader.sees(n);
    }
    expect(reader.data).toEqual(["1", "2", "3"]);
  });
});
