/** One spooled body: its first half comes at once, the rest when it is told to go on. */
import { openSpool, spooled } from "../../../src/index.ts";
import { childArgument, runServer } from "../support/child-server.ts";

const { folder, key, bytes } = childArgument() as { folder: string; key: string; bytes: number };
const spool = await openSpool({ folder });
const goOn = Promise.withResolvers<void>();

const handler = spooled(
  key,
  async function* () {
    yield Buffer.alloc(bytes / 2, key);
    await goOn.promise;
    yield Buffer.alloc(bytes / 2, key);
  },
  { spool },
);

await runServer(
  handler,
  {},
  {
    goOn: () => goOn.resolve(),
    /** Of the run that was begun last. */
    length: () => spool.list()[0]?.length,
    state: () => spool.list()[0]?.record.state,
    readers: () => spool.list()[0]?.readers,
  },
);
