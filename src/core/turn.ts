/**
 * Work that waits for the event loop to turn: once round, every socket has been looked at, every due timer has run.
 *
 * All bodies share one callback of the loop. It stops after {@link BATCH_MS} and goes on in the next turn, so that a
 * thousand bodies with a share each cannot add up to a loop that stands still.
 */

type Task = () => void;

const BATCH_MS = 10;

let queue: Task[] = [];
let scheduled = false;

interface Globals {
  process?: { nextTick?: (task: Task) => void };
  setImmediate?: (task: Task) => unknown;
  MessageChannel?: new () => { port1: { onmessage: Task | null }; port2: { postMessage(value: unknown): void } };
  setTimeout: (task: Task, delayMs: number) => unknown;
}

const schedule = createScheduler(globalThis as unknown as Globals);
// Node runs what `nextTick` was given by a microtask when all microtasks have run. Elsewhere the loop has to turn.
const scheduleQuiet = (globalThis as unknown as Globals).process?.nextTick ?? afterTurn;

/** Runs `task` when the event loop has turned. Tasks run in order, each once; one that throws does not stop the others. */
export function afterTurn(task: Task): void {
  queue.push(task);
  if (!scheduled) {
    scheduled = true;
    schedule(runBatch);
  }
}

/** Told when everything that could go on without the event loop has gone on. */
export interface QuietListener {
  onQuiet(): void;
}

let quietQueue: QuietListener[] = [];

/**
 * Calls `listener` when the promises that are settled now have been followed up to the last: what a source has at hand has
 * come by then. Every callback of the event loop ends so, which is sooner than the loop turns.
 */
export function afterMicrotasks(listener: QuietListener): void {
  quietQueue.push(listener);
  if (quietQueue.length === 1) scheduleQuiet(runQuiet);
}

function runQuiet(): void {
  const listeners = quietQueue;
  quietQueue = [];
  for (const listener of listeners) listener.onQuiet();
}

let turn = 1;
let turnIsWatched = false;

/** A number that is another one when the event loop has turned. */
export function currentTurn(): number {
  if (!turnIsWatched) {
    turnIsWatched = true;
    afterTurn(endTurn);
  }
  return turn;
}

function endTurn(): void {
  turnIsWatched = false;
  turn++;
}

function runBatch(): void {
  const tasks = queue;
  queue = [];
  scheduled = false;
  const until = performance.now() + BATCH_MS;
  for (let index = 0; index < tasks.length; index++) {
    if (index > 0 && performance.now() > until) {
      queue = tasks.slice(index).concat(queue);
      break;
    }
    try {
      tasks[index]!();
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
  if (queue.length > 0 && !scheduled) {
    scheduled = true;
    schedule(runBatch);
  }
}

function createScheduler(globals: Globals): (task: Task) => void {
  if (globals.setImmediate) {
    const { setImmediate } = globals;
    return (task) => void setImmediate(task);
  }
  if (globals.MessageChannel) {
    const { port1, port2 } = new globals.MessageChannel();
    return (task) => {
      port1.onmessage = task;
      port2.postMessage(undefined);
    };
  }
  return (task) => void globals.setTimeout(task, 0);
}
