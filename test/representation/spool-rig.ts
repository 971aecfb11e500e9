import { createHash } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { type Spool, type SpoolOptions, type SpooledInit, openSpool, spooled } from "sluice";
import { type RunningServer, serve } from "sluice/node";

/** Without a content coding: fetch would take one. */
export const AS_IT_IS = { "Accept-Encoding": "identity" };

/** A source whose bytes a test gives one after the other. */
class Fed {
  runs = 0;
  cancelled: unknown;
  #items: (string | Uint8Array | Error | undefined)[] = [];
  #wake: (() => void) | undefined;

  give(...items: (string | Uint8Array)[]): void {
    this.#items.push(...items);
    this.#wake?.();
  }

  end(error?: Error): void {
    this.#items.push(error);
    this.#wake?.();
  }

  readonly source = async function* (
    this: Fed,
    { signal }: { signal: AbortSignal },
  ): AsyncGenerator<string | Uint8Array> {
    this.runs++;
    signal.addEventListener("abort", () => {
      this.cancelled = signal.reason;
      this.#wake?.();
    });
    for (;;) {
      while (this.#items.length === 0 && !signal.aborted) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (signal.aborted) return;
      const item = this.#items.shift();
      if (item === undefined) return;
      if (item instanceof Error) throw item;
      yield item;
    }
  }.bind(this);
}

export interface SpoolRig extends AsyncDisposable {
  readonly fed: Fed;
  readonly spool: Spool;
  readonly url: string;
  /** The run's own address. */
  run(): Promise<string>;
}

/** A server with one spooled body, at `/body`. */
export async function startRig(root: string, init: SpooledInit & Partial<SpoolOptions> = {}): Promise<SpoolRig> {
  const { maxBytes, ttlMs, folder = mkdtempSync(join(root, "spool-")), ...rest } = init;
  const spool = await openSpool({ folder, maxBytes, ttlMs });
  const fed = new Fed();
  const handler = spooled("body", fed.source, { mediaType: "text/csv", spool, ...rest });
  const server: RunningServer = await serve(handler, { port: 0 });
  const url = `${server.url}/body`;
  return {
    fed,
    spool,
    url,
    async run() {
      const response = await fetch(url, { redirect: "manual" });
      await response.body?.cancel();
      return new URL(response.headers.get("Location")!, url).href;
    },
    async [Symbol.asyncDispose]() {
      await server.destroy();
      await spool.close();
    },
  };
}

/** Reads a body until it has so many bytes, and gives a function that reads the rest. */
export async function readSome(
  response: Response,
  bytes: number,
): Promise<{ text: string; rest(): Promise<string>; all(): string }> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let more = "";
  while (text.length < bytes) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return {
    text,
    async rest() {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return more;
        more += decoder.decode(value, { stream: true });
      }
    },
    all: () => text + more,
  };
}

export function reprDigest(bytes: string | Uint8Array): string {
  return `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;
}
