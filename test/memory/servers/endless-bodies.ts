/** Bodies without an end for readers that stop reading, and one with an end for a reader that does not. */
import { randomFillSync } from "node:crypto";
import { streamingResponse } from "../../../src/index.ts";
import type { ServeOptions } from "../../../src/node/index.ts";
import { childArgument, runServer } from "../../faults/support/child-server.ts";

const KIB = 1024;
const line = "a line of text, as it comes out of a program that has something to say\n";
const shared = Buffer.alloc(1024 * KIB, "x");
/** What no coding makes smaller, so that a stalled reader's connection fills up in reasonable time. */
const noise = randomFillSync(Buffer.alloc(1024 * KIB));

let producedBytes = 0;

type Make = () => string | Buffer;

const items: Record<string, Make> = {
  "fresh-64k": () => Buffer.allocUnsafeSlow(64 * KIB).fill("x"),
  "small-strings": () => line,
  "shared-1m": () => shared,
  "fresh-1m": () => Buffer.allocUnsafeSlow(1024 * KIB).fill("x"),
  noise: () => {
    const start = (Math.random() * 15) | 0;
    return noise.subarray(start * 64 * KIB, (start + 1) * 64 * KIB);
  },
};

function* make(item: Make, limit = Infinity): Generator<string | Buffer> {
  for (let bytes = 0; bytes < limit;) {
    const value = item();
    bytes += value.length;
    producedBytes += value.length;
    yield value;
  }
}

await runServer(
  (request) => {
    const { pathname, searchParams } = new URL(request.url);
    const item = items[pathname.slice(1)]!;
    const limit = searchParams.get("bytes");
    return streamingResponse(make(item, limit === null ? undefined : Number(limit)), { mediaType: "text/plain" });
  },
  childArgument() as ServeOptions,
  { produced: () => producedBytes },
);
