import { expect, test } from "vitest";
import type { CreateRequest, StreamConfig } from "../../../src/logs/event-log.ts";
import { type OpenLog, START_MS, expectStatus, toBytes, toCreate, useLog } from "./log-rig.ts";

export function describeCreation(open: OpenLog): void {
  const used = useLog(open);

  test("a stream is what it was made as", async () => {
    const { rig } = used;
    const config = { contentType: "Text/Plain; charset=utf-8", ttlSeconds: 60, isPublic: true };
    const info = await rig.create(rig.name("a/ü?&"), ["ab", "c"], { config });
    expect(info).toEqual({
      config: { ...config, expiresAtMs: undefined },
      generation: expect.any(String),
      first: 0,
      next: 3,
      closed: false,
      failure: undefined,
    });
  });

  test("without a type it is bytes", async () => {
    const { rig } = used;
    expect((await rig.create(rig.name(), [], { config: {} })).config.contentType).toBe("application/octet-stream");
  });

  test("it can be closed at once, with what it has or with nothing", async () => {
    const { rig } = used;
    expect(await rig.create(rig.name(), ["all"], { closed: true })).toMatchObject({ next: 3, closed: true });
    expect(await rig.create(rig.name(), [], { closed: true })).toMatchObject({ next: 0, closed: true });
  });

  test("empty messages are none", async () => {
    const { rig } = used;
    const name = await rig.make(["a", "", "b"]);
    expect(await rig.texts(name)).toEqual(["a", "b"]);
  });

  test("the same request again finds it, and appends nothing", async () => {
    const { rig } = used;
    const config = { contentType: "text/plain", expiresAtMs: START_MS + 1e9 };
    const name = await rig.make(["a"], { config });
    const request = toCreate({ config: { ...config, contentType: "TEXT/plain;x=y" }, messages: [toBytes("b")] });
    expect(await rig.log.create(name, request)).toEqual({ status: "exists", info: await rig.info(name) });
    expect(await rig.texts(name)).toEqual(["a"]);
  });

  test.each<[what: string, request: Partial<CreateRequest>]>([
    ["type", { config: { contentType: "text/html" } }],
    ["time to live", { config: { contentType: "text/plain", ttlSeconds: 61 } }],
    ["no time to live", { config: { contentType: "text/plain" } }],
    ["end", { config: { contentType: "text/plain", expiresAtMs: START_MS + 5 } }],
    ["state", { closed: true }],
    ["origin", { fork: { from: "another" } }],
  ])("another %s is a conflict", async (_what, request) => {
    const { rig } = used;
    const config: StreamConfig = { contentType: "text/plain", ttlSeconds: 60 };
    const name = await rig.make([], { config });
    await expectStatus(rig.log.create(name, toCreate({ config, ...request })), "conflict");
    await expectStatus(rig.log.create(name, toCreate({ config })), "exists");
  });

  test("one that is closed is found by who wants it closed", async () => {
    const { rig } = used;
    const name = await rig.make();
    await rig.append(name, ["a"], { close: true });
    await expectStatus(rig.log.create(name, toCreate()), "conflict");
    await expectStatus(rig.log.create(name, toCreate({ closed: true })), "exists");
  });

  test("two who make the same at once have one", async () => {
    const { rig } = used;
    const name = rig.name();
    const made = await Promise.all([rig.log.create(name, toCreate()), rig.log.create(name, toCreate())]);
    expect(made.map(({ status }) => status)).toEqual(["created", "exists"]);
  });

  test("whoever has a name later is another stream, which begins anew", async () => {
    const { rig } = used;
    const name = await rig.make(["old"]);
    const { generation } = await rig.info(name);
    await rig.append(name, ["b"], { seq: "9", producer: { id: "p", epoch: 3, seq: 0 } });
    await rig.log.delete(name);
    const info = await rig.create(name, ["new"]);
    expect(info.generation).not.toBe(generation);
    expect(info).toMatchObject({ first: 0, next: 3 });
    await rig.append(name, ["b"], { seq: "1", producer: { id: "p", epoch: 0, seq: 0 } });
    expect(await rig.texts(name)).toEqual(["new", "b"]);
  });
}
