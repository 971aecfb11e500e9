import { type Outcome, streamingResponse } from "sluice";
import { expect, it } from "vitest";
import { settled, until } from "../../helpers/deadline.ts";
import { Probe } from "../../helpers/probe.ts";
import type { Wire } from "../wire.ts";

/** Requests that are sent before the answers to others have ended (HTTP/1.1). */
export function pipeliningRows(wire: Wire): void {
  /** Ends when it is told to. */
  function gated(first: string, last: string): { go(): void; source(): AsyncGenerator<string> } {
    let go: () => void = () => {};
    const gone = new Promise<void>((resolve) => (go = resolve));
    return {
      go: () => go(),
      async *source() {
        yield first;
        await gone;
        yield last;
      },
    };
  }

  it("pipelined answers come whole and in order, though the later ones are ready first", async () => {
    const gate = gated("slow ", "end");
    await using server = await wire.start((request) => {
      const path = new URL(request.url).pathname;
      if (path === "/slow") return streamingResponse(gate.source());
      if (path === "/large") return streamingResponse(Array.from({ length: 30 }, () => new Uint8Array(50_000).fill(7)));
      return streamingResponse([path]);
    });
    using client = await wire.raw(server);
    for (const path of ["/slow", "/a", "/large", "/b"]) client.get(path);
    await client.readUntil("slow ");
    expect(client.text).not.toContain("/a");
    gate.go();
    const answers = await client.readAnswers(4);
    expect(answers.map(({ body }) => body.length)).toEqual([8, 2, 1_500_000, 2]);
    expect(answers.every(({ complete }) => complete)).toBe(true);
  });

  it.each([
    ["after its first bytes", ["some"], 0],
    ["after its head, with its length", ["some"], 100],
    ["after its head alone", [], 0],
  ])(
    "a pipelined answer that fails while it waits, %s, does not break the one before it",
    async (_when, items, length) => {
      const gate = gated("slow ", "end");
      const probe = new Probe();
      const late = async function* (): AsyncGenerator<string> {
        yield* items;
        await new Promise((resolve) => setTimeout(resolve, 30));
        throw new Error("broken");
      };
      const init = { commitAfterMs: 0, onFinish: probe.onFinish, ...(length > 0 ? { contentLength: length } : {}) };
      await using server = await wire.start((request) =>
        request.url.endsWith("/slow") ? streamingResponse(gate.source()) : streamingResponse(late(), init),
      );
      using client = await wire.raw(server);
      client.get("/slow");
      client.get("/failing");
      await client.readUntil("slow ");
      // It may wait with what it has before it learns of its failure.
      await settled(() => (probe.outcome ? 1 : 0), "the failure", 100);
      gate.go();
      await client.end();
      const [slow, failing] = client.answers();
      expect(slow).toMatchObject({ complete: true });
      expect(slow!.body.toString()).toBe("slow end");
      expect(failing === undefined || !failing.complete).toBe(true);
      expect((await probe.untilOutcome()).outcome).toBe("failed");
      expect(wire.reports.take("SOURCE_FAILED")).toHaveLength(1);
    },
  );

  it("a pipelined answer that waits is not read ahead for", async () => {
    const gate = gated("slow ", "end");
    const probe = new Probe();
    await using server = await wire.start((request) =>
      request.url.endsWith("/slow")
        ? streamingResponse(gate.source())
        : streamingResponse(probe.endless(Buffer.alloc(10_000)), { onFinish: probe.onFinish }),
    );
    using client = await wire.raw(server);
    client.get("/slow");
    client.get("/endless");
    await client.readUntil("slow ");
    await until(() => probe.producedBytes > 0, "the second answer's beginning");
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(probe.producedBytes).toBeLessThan(200_000);
    gate.go();
    await until(() => client.byteLength > 1_000_000, "the second answer");
    client.destroy();
    expect((await probe.untilOutcome()).outcome).toBe("aborted");
    expect(probe.finished).toBe(true);
  });

  it("all pipelined answers end when the client leaves, also those without a body", async () => {
    const outcomes: Outcome[] = [];
    const results: string[] = [];
    const onFinish = (outcome: Outcome): number => outcomes.push(outcome);
    await using server = await wire.start(
      (request) => {
        const path = new URL(request.url).pathname;
        if (path === "/empty") return new Response(null, { status: 204 });
        const probe = new Probe();
        return streamingResponse((context) => probe.idle([path], context), {
          onFinish: (outcome) => void onFinish(outcome),
        });
      },
      { onResult: ({ target, outcome }) => results.push(`${target} ${outcome}`) },
    );
    const client = await wire.raw(server);
    for (const path of ["/1", "/2", "/empty", "/3"]) client.get(path);
    client.request("HEAD", "/head");
    await client.readUntil("/1");
    client.destroy();
    await until(() => results.length === 5, `five results (${results.join(", ")})`);
    expect(results.toSorted()).toEqual(["/1 aborted", "/2 aborted", "/3 aborted", "/empty aborted", "/head aborted"]);
    expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(["aborted", "aborted", "aborted", "discarded"]);
  });

  it("a handler that answers after its client has left, behind another's answer, runs no source", async () => {
    const gate = gated("slow ", "end");
    const probe = new Probe();
    let answer: () => void = () => {};
    const answered = new Promise<void>((resolve) => (answer = resolve));
    await using server = await wire.start(async (request) => {
      if (request.url.endsWith("/slow")) return streamingResponse(gate.source());
      await answered;
      return streamingResponse(probe.endless("x"), { onFinish: probe.onFinish });
    });
    const client = await wire.raw(server);
    client.get("/slow");
    client.get("/late");
    await client.readUntil("slow ");
    client.destroy();
    await client.ended;
    gate.go();
    // The server has to have seen it, too.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    answer();
    const { outcome } = await probe.untilOutcome();
    expect(["discarded", "aborted"]).toContain(outcome);
  });
}
