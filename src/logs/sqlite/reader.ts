/** The thread that reads a log: it sees what was committed, and waits for no commit. */
import type { DatabaseSync } from "node:sqlite";
import type { Batch, Call, Moment, PackedReadResult } from "./calls.ts";
import { toFailure } from "./failure.ts";
import { openReadOnly } from "./open-file.ts";
import { ReadOperations } from "./read-operations.ts";
import { answer, say, serve, threadData } from "./thread.ts";

function start(db: DatabaseSync): void {
  const operations = new ReadOperations(db);

  const perform = ({ id, method, parameters }: Call, moment: Moment): void => {
    try {
      db.exec("BEGIN");
      const value = (operations as unknown as Operations)[method]!(moment, ...parameters);
      answer([{ id, value }], [], pageOf(value));
    } catch (error) {
      answer([{ id, failure: toFailure(error) }]);
    } finally {
      // What is read is of one moment, which must not last: what is written meanwhile is kept for it.
      if (db.isTransaction) db.exec("ROLLBACK");
    }
  };

  const run = (batches: readonly Batch[]): void => {
    for (const { calls, uses } of batches) for (const call of calls) perform(call, { nowMs: call.nowMs, uses });
  };
  serve(run, () => db.close());
}

type Operations = Readonly<Record<string, (moment: Moment, ...parameters: readonly unknown[]) => unknown>>;

/** The memory that is handed over with an answer. */
function pageOf(value: unknown): ArrayBuffer[] {
  const result = value as PackedReadResult | undefined;
  return result?.status === "page" ? [result.bytes.buffer] : [];
}

try {
  start(openReadOnly(threadData.path));
  say({ kind: "opened" });
} catch (error) {
  say({ kind: "failed", failure: toFailure(error) });
}
