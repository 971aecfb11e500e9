/** The thread that writes a log: the calls that have come while it waited for the disk are the next group. */
import type { Answer, Batch, Call, Moment } from "./calls.ts";
import { toFailure } from "./failure.ts";
import { GroupCommit, type Outcome } from "./group-commit.ts";
import { type OpenFile, openFile } from "./open-file.ts";
import { answer, say, serve, threadData } from "./thread.ts";
import { Tidier } from "./tidier.ts";
import { WriteOperations } from "./write-operations.ts";

function start(file: OpenFile): void {
  const tidier = new Tidier(file.db);
  const operations = new WriteOperations(file.db, tidier, threadData.producerTtlMs);
  const group = new GroupCommit(file.db, tidier, () => operations.forgetRows());
  let tidying: NodeJS.Immediate | undefined;

  const tidyWhenIdle = (): void => {
    clearImmediate(tidying);
    tidying = tidier.isNeeded ? setImmediate(tidyNow) : undefined;
  };
  const tidyNow = (): void => {
    group.tidy();
    tidyWhenIdle();
  };

  const run = (batches: readonly Batch[]): void => {
    const calls = batches.flatMap((batch) => batch.calls.map((call) => ({ call, uses: batch.uses })));
    const outcomes = group.run(
      calls.map(
        ({ call, uses }) =>
          () =>
            perform(call, { nowMs: call.nowMs, uses }),
      ),
    );
    answer(
      outcomes.map((outcome, index) => toAnswer(calls[index]!.call.id, outcome)),
      operations.takeChanged(),
    );
    tidyWhenIdle();
  };

  const perform = ({ method, parameters }: Call, moment: Moment): unknown =>
    (operations as unknown as Operations)[method]!(moment, ...parameters);

  tidyWhenIdle();
  serve(run, () => {
    clearImmediate(tidying);
    file.close();
  });
}

type Operations = Readonly<Record<string, (moment: Moment, ...parameters: readonly unknown[]) => unknown>>;

function toAnswer(id: number, outcome: Outcome): Answer {
  return "value" in outcome ? { id, value: outcome.value } : { id, failure: toFailure(outcome.error) };
}

try {
  start(openFile(threadData.path));
  say({ kind: "opened" });
} catch (error) {
  say({ kind: "failed", failure: toFailure(error) });
}
