import { createHash } from "node:crypto";
import { streamingResponse } from "sluice";
import { expect, it } from "vitest";
import { Probe } from "../../helpers/probe.ts";
import type { Wire } from "../wire.ts";

const ITEMS = ["first,", "second,", "third"];
const digestOf = (bytes: string | Uint8Array): string =>
  `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;

/** Fields behind the body (RFC 9110 §6.5, RFC 9530). */
export function trailerRows(wire: Wire): void {
  it("trailers are evaluated at the end of the body, and come behind it", async () => {
    let count = 0;
    await using server = await wire.start(() =>
      streamingResponse(
        (async function* () {
          for await (const item of new Probe().items(ITEMS)) {
            count++;
            yield item;
          }
        })(),
        { trailers: () => ({ "X-Count": String(count) }), headers: { Trailer: "X-Count" } },
      ),
    );
    const answer = await wire.get(server);
    expect((await answer.readAll()).toString()).toBe(ITEMS.join(""));
    expect(answer.headers["trailer"]).toBe("X-Count");
    expect(answer.trailers).toMatchObject({ "x-count": "3" });
  });

  it.each([
    ["that is made slowly", () => new Probe().items(ITEMS)],
    ["that is there at once", () => ITEMS],
    ["of one large item", () => ["x".repeat(300_000)]],
    ["of nothing", () => []],
  ])("a digest of the bytes comes behind a body %s, with the trailers", async (_what, source) => {
    await using server = await wire.start(() =>
      streamingResponse(source(), { digest: true, trailers: () => ({ "X-Own": "1" }), headers: { Trailer: "X-Own" } }),
    );
    const answer = await wire.get(server);
    const body = await answer.readAll();
    expect(answer.headers["trailer"]).toBe("X-Own, Repr-Digest");
    expect(answer.headers["content-length"]).toBeUndefined();
    expect(answer.trailers).toMatchObject({ "repr-digest": digestOf(body), "x-own": "1" });
  });

  it("a digest of a body that is compressed is of its bytes as they are sent", async () => {
    await using server = await wire.start(() =>
      streamingResponse(new Probe().items(ITEMS), { digest: true, compress: true, mediaType: "text/plain" }),
    );
    const answer = await wire.get(server, { headers: { "Accept-Encoding": "gzip" } });
    const body = await answer.readAll();
    expect(answer.headers["content-encoding"]).toBe("gzip");
    expect(answer.trailers).toMatchObject({ "repr-digest": digestOf(body) });
  });

  it("trailers and digest are silently absent on HTTP/1.0", async () => {
    await using server = await wire.start(() =>
      streamingResponse(new Probe().items(ITEMS), {
        digest: true,
        trailers: () => ({ "X-Own": "1" }),
        headers: { Trailer: "X-Own" },
      }),
    );
    using client = await wire.raw(server);
    client.send("GET / HTTP/1.0\r\n\r\n");
    expect(await client.end()).toBe("end");
    const [answer] = client.answers();
    expect(answer).toMatchObject({ framing: "close", complete: true });
    expect(answer!.body.toString()).toBe(ITEMS.join(""));
    expect(answer!.headers.has("trailer")).toBe(false);
  });

  it("a body that fails has no trailers", async () => {
    await using server = await wire.start(() =>
      streamingResponse(new Probe().failing(["first"], new Error("broken")), {
        digest: true,
        trailers: () => ({ "X-Own": "1" }),
      }),
    );
    const answer = await wire.get(server);
    await expect(answer.readAll()).rejects.toThrow();
    expect(answer.trailers).toEqual({});
    expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
  });

  it.each([
    [
      "throw",
      () => {
        throw new Error("broken");
      },
    ],
    ["cannot be sent", () => ({ "X-Own": "a\nb" })],
    ["have no name", () => ({ "no name": "a" })],
  ])("trailers that %s break the body", async (_what, trailers) => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse(new Probe().items(ITEMS), { trailers, onFinish: probe.onFinish }),
    );
    const answer = await wire.get(server);
    await expect(answer.readAll()).rejects.toThrow();
    expect((await probe.untilOutcome()).outcome).toBe("failed");
    expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
  });
}
