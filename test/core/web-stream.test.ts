import { describe, expect, it } from "vitest";
import { type BodyOptions, type BodyStarter, type Outcome, bodyOf } from "../../src/core/body.ts";
import { EmptyAnswer, type Item } from "../../src/core/puller.ts";
import { bodyStream } from "../../src/core/web-stream.ts";
import { checkBudget } from "../helpers/budget-check.ts";
import { until, within } from "../helpers/deadline.ts";
import { pullFrom, turns } from "../helpers/pump-rig.ts";

checkBudget();

interface Watched {
  stream: ReadableStream<Uint8Array>;
  outcomes: Outcome[];
  log: string[];
  signal(): AbortSignal | undefined;
}

function watch(
  pull: () => Item | undefined | PromiseLike<Item | undefined>,
  options: Partial<BodyStarter & BodyOptions> = {},
): Watched {
  const outcomes: Outcome[] = [];
  const log: string[] = [];
  let signal: AbortSignal | undefined;
  const stream = bodyStream({
    open: (context) => {
      log.push("open");
      ({ signal } = context);
      return {
        pull: () => {
          log.push("pull");
          return pull();
        },
        cancel: (reason) => log.push(`cancel ${String(reason)}`),
      };
    },
    discard: () => log.push("discard"),
    stallTimeoutMs: Infinity,
    onFinish: (outcome) => void outcomes.push(outcome),
    ...options,
  });
  return { stream, outcomes, log, signal: () => signal };
}

describe("a body read as a web stream", () => {
  it("gives the bytes, ends, and says so", async () => {
    const { stream, outcomes } = watch(pullFrom(["€", new Uint8Array([0x41]), "b"], (index) => index % 2 === 0));
    expect(await within(new Response(stream).text(), "the body")).toBe("€Ab");
    expect(outcomes).toMatchObject([{ outcome: "completed", bytes: 5 }]);
  });

  it("gives bytes that are the reader's own", async () => {
    const { stream } = watch(pullFrom(["a".repeat(100), "b".repeat(100)], () => true));
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("a".repeat(100) + "b".repeat(100));
    expect(new Set(chunks.map(({ buffer }) => buffer)).size).toBe(chunks.length);
  });

  it("does not run before it is read, nor further than it is read", async () => {
    const { stream, log } = watch(() => new Uint8Array(100_000));
    const response = new Response(stream);
    await turns(3);
    expect(log).toEqual([]);
    const reader = response.body!.getReader();
    for (let read = 0; read < 100_000;) read += (await reader.read()).value!.byteLength;
    const { length } = log;
    await turns(5);
    expect(log).toHaveLength(length);
    expect(log.filter((entry) => entry === "pull")).toHaveLength(1);
    await reader.cancel();
  });

  it("errors when the source fails, after what came before", async () => {
    let pulls = 0;
    const { stream, outcomes } = watch(() => {
      if (pulls++ > 0) throw new Error("broken");
      return "some";
    });
    const reader = stream.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("some");
    await expect(reader.read()).rejects.toThrow("broken");
    expect(outcomes).toMatchObject([{ outcome: "failed", bytes: 4, error: new Error("broken") }]);
  });

  it("errors when opening it fails, and has its outcome", async () => {
    const error = new Error("cannot be opened");
    const { stream, outcomes } = watch(() => undefined, {
      open: () => {
        throw error;
      },
    });
    await expect(within(stream.getReader().read(), "the failure")).rejects.toBe(error);
    expect(outcomes).toMatchObject([{ outcome: "failed", bytes: 0, error }]);
  });

  it("errors where the source gives more or less than its contentLength", async () => {
    for (const [contentLength, code] of [
      [3, "ERR_CONTENT_LENGTH_EXCEEDED"],
      [5, "ERR_CONTENT_LENGTH_NOT_REACHED"],
    ] as const) {
      const { stream, outcomes } = watch(pullFrom(["some"]), { contentLength });
      await expect(within(new Response(stream).text(), "the failure")).rejects.toMatchObject({ code });
      expect(outcomes).toMatchObject([{ outcome: "failed" }]);
    }
  });

  it("stops the source when it is cancelled, whatever it does", async () => {
    for (const pull of [() => "x".repeat(70_000), () => new Promise<never>(() => {})]) {
      const { stream, outcomes, log, signal } = watch(pull);
      const reader = stream.getReader();
      void reader.read();
      await turns(2);
      await within(reader.cancel("enough"), "the cancelling");
      expect(log.at(-1)).toBe("cancel enough");
      expect(signal()?.aborted).toBe(true);
      expect(signal()?.reason).toBe("enough");
      expect(outcomes).toMatchObject([{ outcome: "aborted" }]);
    }
  });

  it("says AbortError to the source where it is cancelled without a reason", async () => {
    const { stream, signal } = watch(() => "x");
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    expect((signal()!.reason as DOMException).name).toBe("AbortError");
  });

  it("is discarded where it is cancelled before it is read", async () => {
    const { stream, outcomes, log } = watch(() => "x");
    await stream.cancel();
    expect(log).toEqual(["discard"]);
    expect(outcomes).toMatchObject([{ outcome: "discarded", bytes: 0 }]);
  });

  it("is empty where the source says that there is nothing", async () => {
    const { stream, outcomes } = watch(() => {
      throw new EmptyAnswer(204);
    });
    expect(await within(new Response(stream).text(), "the end")).toBe("");
    expect(outcomes).toMatchObject([{ outcome: "completed", bytes: 0 }]);
  });

  it("fails where its body is already being sent, and leaves that its outcome", async () => {
    const { stream, outcomes } = watch(() => "x");
    bodyOf(stream)!.open();
    await expect(stream.getReader().read()).rejects.toMatchObject({ code: "ERR_BODY_TAKEN" });
    expect(outcomes).toEqual([]);
  });

  it("opens its source once for both branches of a tee, and stops it when both are cancelled", async () => {
    const { stream, log } = watch(() => "x");
    const [one, two] = stream.tee();
    const first = one.getReader();
    await first.read();
    await Promise.all([first.cancel(), two.cancel()]);
    await until(() => log.some((entry) => entry.startsWith("cancel")), "the cancelling of both branches");
    expect(log.filter((entry) => entry === "open")).toHaveLength(1);
  });
});
