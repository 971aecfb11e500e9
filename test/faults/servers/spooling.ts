/**
 * Makes spooled bodies without end, of every size, several at a time: `node spooling.ts FOLDER`. Each line says the key of one
 * that has been finished. See `contentOf` for what is in them.
 */
import { Buffer } from "node:buffer";
import { openSpool } from "../../../src/representation/spool/open-spool.ts";
import { spooled } from "../../../src/streaming/spooled.ts";
import { contentOf } from "../support/spool-content.ts";

const AT_ONCE = 4;
const spool = await openSpool({ folder: process.argv[2]! });
console.log("ready");
let next = spool.list().length;

async function make(): Promise<never> {
  for (;;) {
    const key = String(next++);
    const handler = spooled(key, () => contentOf(key), { spool });
    const { headers } = await handler(new Request("http://host/"));
    const body = spool.get(new URL(headers.get("Location")!, "http://host/").searchParams.get("run")!);
    await body!.ended;
    if (body!.record.state !== "finished") throw new Error(`${key} is ${body!.record.state}`);
    console.log(Buffer.from(key).toString());
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, make));
