/** A thread's side of its port: it is told of calls, and answers. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { type Answer, type Batch, CLOSE, type Said, type ThreadData } from "./calls.ts";

const port: MessagePort = parentPort!;

export const threadData: ThreadData = workerData as ThreadData;

/** Batches that are taken together have no more calls than this. */
const MAX_CALLS = 1000;

export function say(said: Said, transfer: readonly ArrayBuffer[] = []): void {
  port.postMessage(said, transfer);
}

export function answer(
  answers: readonly Answer[],
  changed: readonly string[] = [],
  transfer: readonly ArrayBuffer[] = [],
): void {
  say({ kind: "answers", answers, changed }, transfer);
}

/**
 * Takes what has come since it was asked last, until there is nothing more to come.
 *
 * @param run - is given all that waits, up to {@link MAX_CALLS}
 * @param close - closes what is open
 */
export function serve(run: (batches: readonly Batch[]) => void, close: () => void): void {
  const onMessage = (first: Batch | typeof CLOSE): void => {
    const batches: Batch[] = [];
    let calls = 0;
    let next: Batch | typeof CLOSE | undefined = first;
    while (next !== undefined && next !== CLOSE) {
      batches.push(next);
      calls += next.calls.length;
      next = calls < MAX_CALLS ? receive() : undefined;
    }
    if (batches.length > 0) run(batches);
    if (next !== CLOSE) return;
    close();
    port.close();
  };
  port.on("message", onMessage);
}

function receive(): Batch | typeof CLOSE | undefined {
  const received: { message: Batch | typeof CLOSE } | undefined = receiveMessageOnPort(port);
  return received?.message;
}
