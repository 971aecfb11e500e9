/** One spooled body, which goes on as far as it is told: `/`. */
import { type Spool, openSpool, spooled } from "../../../src/index.ts";
import { childArgument, runServer } from "../../faults/support/child-server.ts";

const { folder, bytes } = childArgument() as { folder: string; bytes: number };
const spool: Spool = await openSpool({ folder });
const BLOCK_BYTES = 64 * 1024;

/** The first half comes at once, the rest when it is told. */
let goOn: (() => void) | undefined;
const told = new Promise<void>((resolve) => (goOn = resolve));

const handler = spooled(
  "body",
  async function* () {
    for (let sent = 0; sent < bytes; sent += BLOCK_BYTES) {
      if (sent === bytes / 2) await told;
      yield Buffer.alloc(BLOCK_BYTES, sent / BLOCK_BYTES);
    }
  },
  { spool },
);

await runServer(
  handler,
  {},
  {
    length: () => spool.list()[0]?.length ?? 0,
    readers: () => spool.list()[0]?.readers ?? 0,
    run: () => spool.list()[0]?.record.id,
    goOn: () => goOn!(),
  },
);
