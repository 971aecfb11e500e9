import { describe, expect, it } from "vitest";
import { EventBroadcast, eventStreamResponse } from "../../src/index.ts";

const REQUEST = new Request("http://localhost/");

/** Reads the stream until so many events have come, and leaves. */
async function readEvents(response: Response, count: number): Promise<string[]> {
  const events: string[] = [];
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    const frames = text.split("\n\n");
    text = frames.pop()!;
    events.push(...frames.filter((frame) => !frame.startsWith(":")));
    if (events.length >= count) break;
  }
  return events;
}

describe("an EventBroadcast", () => {
  it("gives every reader what was published since it came, in order", async () => {
    const broadcast = new EventBroadcast();
    broadcast.publish("before anybody came");
    const readers = Array.from({ length: 3 }, () => readEvents(eventStreamResponse(REQUEST, broadcast), 2));
    await Promise.resolve();
    broadcast.publish({ id: 1, data: { n: 1 } });
    broadcast.publish({ id: 2, data: "two" });
    for (const events of await Promise.all(readers)) {
      expect(events).toEqual(['id: 1\ndata: {"n":1}', "id: 2\ndata: two"]);
    }
  });

  it("lets a reader that stalled skip what the ring no longer has", async () => {
    const broadcast = new EventBroadcast({ keptEvents: 4 });
    const puller = broadcast.openFrames();
    for (let n = 0; n < 10; n++) broadcast.publish(String(n));
    const frames: string[] = [];
    for (let n = 0; n < 4; n++) frames.push(new TextDecoder().decode((await puller.pull()) as Uint8Array));
    expect(frames).toEqual(["data: 6\n\n", "data: 7\n\n", "data: 8\n\n", "data: 9\n\n"]);
  });

  it("publishes nothing of an event that cannot be sent", async () => {
    const broadcast = new EventBroadcast();
    const puller = broadcast.openFrames();
    expect(() => broadcast.publish({ id: "a\nb", data: 1 })).toThrow(
      expect.objectContaining({ code: "ERR_EVENT_FIELD" }),
    );
    broadcast.publish("good");
    expect(new TextDecoder().decode((await puller.pull()) as Uint8Array)).toBe("data: good\n\n");
  });

  it("ends its readers' streams when it is closed, after what is kept", async () => {
    const broadcast = new EventBroadcast();
    const response = eventStreamResponse(REQUEST, broadcast);
    const text = response.text();
    await Promise.resolve();
    broadcast.publish("last");
    broadcast.close();
    expect(await text).toBe("data: last\n\n");
  });

  it("is an async iterable, which loses no event and can be left", async () => {
    const broadcast = new EventBroadcast();
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { bytes } of broadcast) {
        seen.push(new TextDecoder().decode(bytes));
        if (seen.length === 3) break;
      }
    })();
    await Promise.resolve();
    for (const data of ["a", "b", "c", "d"]) broadcast.publish(data);
    await reading;
    expect(seen).toEqual(["data: a\n\n", "data: b\n\n", "data: c\n\n"]);
  });

  it("refuses a ring without room", () => {
    expect(() => new EventBroadcast({ keptEvents: 0 })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  });
});
