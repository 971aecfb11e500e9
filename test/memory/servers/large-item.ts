/** One item of about 100 MB, and whether anything was pulled before all of it had gone. */
import { createHash } from "node:crypto";
import { type OutcomeKind, streamingResponse } from "../../../src/index.ts";
import { childArgument, runServer } from "../../faults/support/child-server.ts";

const LARGE_BYTES = 100_000_000;
const AFTER = "after";

let item: Buffer | string = "";
let pulls = 0;
let outcome: OutcomeKind | undefined;

/** The item is made once and hashed in parts, so that only its own memory is in the baseline. */
function make(kind: "buffer" | "string"): string {
  const hash = createHash("sha256");
  if (kind === "buffer") {
    const buffer = Buffer.allocUnsafe(LARGE_BYTES);
    for (let index = 0; index < LARGE_BYTES; index += 4) buffer.writeUInt32LE((index * 2_654_435_761) >>> 0, index);
    hash.update(buffer);
    item = buffer;
  } else {
    // 1, 2, 3 and 4 bytes of UTF-8 each: pieces of any size cut somewhere in a character.
    const part = "aé€😀".repeat(10_000);
    for (let bytes = 0; bytes < LARGE_BYTES; bytes += 100_000) hash.update(part);
    item = part.repeat(LARGE_BYTES / 100_000);
    // Until somebody looks into it, a repeated string is only a note of what to repeat.
    item.charCodeAt(item.length / 2);
  }
  return hash.update(AFTER).digest("hex");
}

function* once(): Generator<Buffer | string> {
  pulls++;
  yield item;
  pulls++;
  yield AFTER;
}

const sha256 = make(childArgument() as "buffer" | "string");

await runServer(
  (request) => {
    if (new URL(request.url).pathname === "/ping") return new Response("pong");
    pulls = 0;
    return streamingResponse(once(), { onFinish: (result) => void (outcome = result.outcome) });
  },
  {},
  { expected: () => ({ sha256, bytes: LARGE_BYTES + AFTER.length }), state: () => ({ pulls, outcome }) },
);
