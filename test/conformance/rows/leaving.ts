import { eventStreamResponse, streamingResponse } from "sluice";
import { expect } from "vitest";
import { settled, until } from "../../helpers/deadline.ts";
import { Probe } from "../../helpers/probe.ts";
import type { Wire } from "../wire.ts";

/** More than all buffers between a source and a reader on this machine hold, in bytes. */
const BUFFERS_BYTES = 32 * 1024 * 1024;
const CHUNK = Buffer.alloc(64 * 1024, 7);

/** What happens when the reader leaves, or does not read. */
export function leavingRows(wire: Wire): void {
  /** Starts a source, lets the client leave after the first bytes, and says what became of the source. */
  async function leave(probe: Probe, handler: (request: Request) => Response): Promise<string> {
    await using server = await wire.start(handler);
    const answer = await wire.get(server);
    await answer.read();
    const leftAt = performance.now();
    answer.leave();
    try {
      await until(() => probe.aborted, "the abort of the source's signal", 3000);
    } catch {
      return "its signal is not aborted";
    }
    try {
      await until(() => probe.finished, "the source's finally", 3000);
    } catch {
      return "its finally does not run";
    }
    if (performance.now() - leftAt > 1000) return "is stopped late";
    const { outcome } = await probe.untilOutcome();
    expect((probe.abortReason as Error).name).toBe("AbortError");
    return outcome === "aborted" ? "is stopped" : `ends as ${outcome}`;
  }

  wire.row("a source that ticks, when the client leaves", "is stopped", () => {
    const probe = new Probe();
    return leave(probe, () =>
      streamingResponse((context) => probe.ticks("tick\n", 20, context), { onFinish: probe.onFinish }),
    );
  });

  wire.row("a source that gives all the time, when the client leaves", "is stopped", () => {
    const probe = new Probe();
    return leave(probe, () =>
      streamingResponse((context) => probe.endless(CHUNK, context), { onFinish: probe.onFinish }),
    );
  });

  wire.row("a source that waits forever, when the client leaves", "is stopped", () => {
    const probe = new Probe();
    return leave(probe, () =>
      streamingResponse((context) => probe.idle(["first"], context), { onFinish: probe.onFinish }),
    );
  });

  wire.row("an event stream that is silent, when the client leaves", "is stopped", () => {
    const probe = new Probe();
    return leave(probe, (request) =>
      eventStreamResponse(request, (context) => probe.idle(["a"], context), { onFinish: probe.onFinish }),
    );
  });

  wire.row("a source, while the client does not read", "is pulled no further, and goes on when it does", async () => {
    const probe = new Probe();
    await using server = await wire.start(() =>
      streamingResponse((context) => probe.endless(CHUNK, context), { onFinish: probe.onFinish }),
    );
    const answer = await wire.get(server);
    await until(() => probe.producedBytes > 0, "the first bytes");
    const produced = await settled(() => probe.producedBytes, "the production");
    if (produced > BUFFERS_BYTES) return `gives ${produced} bytes`;
    const rest = await answer.readBytes(produced + BUFFERS_BYTES);
    expect(rest.length).toBeGreaterThan(produced);
    answer.leave();
    await probe.untilFinished();
    return "is pulled no further, and goes on when it does";
  });

  if (wire.target.sender === "sluice") {
    wire.row("a body whose client takes nothing for stallTimeoutMs", "is cut", async () => {
      const probe = new Probe();
      await using server = await wire.start(() =>
        streamingResponse((context) => probe.endless(CHUNK, context), {
          stallTimeoutMs: 300,
          onFinish: probe.onFinish,
        }),
      );
      const answer = await wire.get(server);
      await until(() => probe.finished, "the source's finally");
      const { outcome } = await probe.untilOutcome();
      expect(probe.abortReason).toMatchObject({ code: "ERR_STALLED" });
      await expect(answer.readAll()).rejects.toThrow();
      return outcome === "stalled" ? "is cut" : `ends as ${outcome}`;
    });
  }

  wire.row("the request's signal, when the client leaves", "is aborted", async () => {
    const probe = new Probe();
    let signal: AbortSignal | undefined;
    await using server = await wire.start((request) => {
      ({ signal } = request);
      return streamingResponse((context) => probe.idle(["first"], context), { onFinish: probe.onFinish });
    });
    const answer = await wire.get(server);
    await answer.read();
    expect(signal?.aborted).toBe(false);
    answer.leave();
    await probe.untilOutcome();
    try {
      await until(() => signal?.aborted === true, "the abort of the request's signal", 2000);
    } catch {
      return "is not aborted";
    }
    return "is aborted";
  });
}
