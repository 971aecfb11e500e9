import { expect, it } from "vitest";
import { settled, until } from "../../helpers/deadline.ts";
import type { Wire } from "../wire.ts";

/** A body that is not ours, `new Response(stream)`, obeys the same rules under our sender. */
export function foreignBodyRows(wire: Wire): void {
  function streamOf(options: { chunks?: unknown[]; fails?: boolean; endless?: boolean }) {
    const log: string[] = [];
    let produced = 0;
    const chunks = [...(options.chunks ?? [])];
    const stream = new ReadableStream({
      pull(controller) {
        log.push("pull");
        if (options.endless) {
          const chunk = new Uint8Array(64 * 1024);
          produced += chunk.byteLength;
          controller.enqueue(chunk);
        } else if (chunks.length > 0) controller.enqueue(chunks.shift());
        else if (options.fails) throw new Error("torn");
        else controller.close();
      },
      cancel: () => void log.push("cancel"),
    });
    return { stream, log, produced: () => produced };
  }

  it("a foreign body arrives intact", async () => {
    const { stream } = streamOf({ chunks: [Buffer.from("first,"), new Uint8Array(100_000), Buffer.from("last")] });
    await using server = await wire.start(() => new Response(stream));
    const body = await (await wire.get(server)).readAll();
    expect(body.equals(Buffer.concat([Buffer.from("first,"), Buffer.alloc(100_000), Buffer.from("last")]))).toBe(true);
  });

  it("a foreign body that fails before its first byte is 500", async () => {
    await using server = await wire.start(() => new Response(streamOf({ fails: true }).stream));
    const answer = await wire.get(server);
    expect(answer.status).toBe(500);
    expect((await answer.readAll()).toString()).not.toContain("torn");
    expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
  });

  it("a foreign body that fails later is broken visibly", async () => {
    const failing = (): Response => new Response(streamOf({ chunks: [Buffer.from("first")], fails: true }).stream);
    await using server = await wire.start(failing);
    const { exitCode } = await wire.curl(server);
    expect([18, 52, 55, 56, 92]).toContain(exitCode);
    expect((await wire.curl10(server)).exitCode).not.toBe(0);
    expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(2);
  });

  it.each([
    ["text", "a string"],
    [new ArrayBuffer(3), "an object of class ArrayBuffer"],
  ])("a foreign body may not give %s", async (chunk, said) => {
    await using server = await wire.start(() => new Response(streamOf({ chunks: [chunk] }).stream));
    expect((await wire.get(server)).status).toBe(500);
    const [report] = wire.reports.take("SOURCE_FAILED");
    expect(report?.error).toMatchObject({ code: "ERR_ITEM_TYPE", message: expect.stringContaining(said) as string });
  });

  it("a foreign body is cancelled when the client leaves, and pulled no further than the client reads", async () => {
    const { stream, log, produced } = streamOf({ endless: true });
    await using server = await wire.start(() => new Response(stream));
    const answer = await wire.get(server);
    expect(await settled(produced, "the production")).toBeLessThan(32 * 1024 * 1024);
    expect(log).not.toContain("cancel");
    answer.leave();
    await until(() => log.at(-1) === "cancel", "the cancelling of the stream");
    expect(log.filter((entry) => entry === "cancel")).toHaveLength(1);
  });

  it.each(["HEAD", "GET"])("a foreign body is cancelled where %s has none", async (method) => {
    const { stream, log } = streamOf({ endless: true });
    await using server = await wire.start(() => {
      // A 304 may not be made with a body; a proxy that changes the status of what it got does it.
      const response = new Response(stream);
      return method === "HEAD"
        ? response
        : new Proxy(response, {
            get: (target, name) => (name === "status" ? 304 : (Reflect.get(target, name, target) as unknown)),
          });
    });
    const answer = await wire.get(server, { method });
    expect(await answer.readAll()).toHaveLength(0);
    expect(log.filter((entry) => entry === "cancel")).toHaveLength(1);
  });

  it.each([
    ["3", "EXCEEDED"],
    ["5", "NOT_REACHED"],
  ])("a foreign body is kept to its Content-Length: %s of 4", async (length, code) => {
    await using server = await wire.start(
      () => new Response(streamOf({ chunks: [Buffer.from("some")] }).stream, { headers: { "Content-Length": length } }),
    );
    // Nothing was sent yet where it is found out in time.
    const whole = async (): Promise<number> => {
      const answer = await wire.get(server);
      await answer.readAll();
      return answer.status;
    };
    const end = await whole().catch(() => "broken");
    expect([500, "broken"]).toContain(end);
    expect(wire.reports.take("SOURCE_FAILED")).toMatchObject([{ error: { code: `ERR_CONTENT_LENGTH_${code}` } }]);
  });

  it("a foreign body whose Content-Length is no length is sent without it", async () => {
    await using server = await wire.start(
      () => new Response(streamOf({ chunks: [Buffer.from("some")] }).stream, { headers: { "Content-Length": "4, 4" } }),
    );
    const answer = await wire.get(server);
    expect((await answer.readAll()).toString()).toBe("some");
    expect([undefined, "4"]).toContain(answer.headers["content-length"]);
  });

  it("a foreign body that is a tee, a transform or a re-wrapped stream arrives", async () => {
    await using server = await wire.start((request) => {
      const response = new Response(streamOf({ chunks: [Buffer.from("some")] }).stream);
      if (request.headers.get("X-How") === "clone") return response.clone();
      if (request.headers.get("X-How") === "wrap") return new Response(response.body, response);
      return new Response(response.body!.pipeThrough(new TransformStream()));
    });
    for (const how of ["clone", "wrap", "transform"]) {
      const answer = await wire.get(server, { headers: { "X-How": how } });
      expect((await answer.readAll()).toString()).toBe("some");
    }
  });
}
