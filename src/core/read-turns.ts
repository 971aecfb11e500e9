/**
 * Reads of large bodies take turns: there are few threads to read with, and a buffer that waits for one is only memory. One
 * thread is left to whoever opens a file meanwhile (Node has four). In the order they come.
 */
const MAX_READS = 3;

let running = 0;
let handingOn = false;
const waiting: (() => void)[] = [];

/** Calls `read` when it is its turn, perhaps at once. It says {@link endReadTurn} when it has read, in whatever way. */
export function takeReadTurn(read: () => void): void {
  if (running === MAX_READS) waiting.push(read);
  else {
    running++;
    read();
  }
}

export function endReadTurn(): void {
  running--;
  // Those who do not want their turn any more end it at once: thousands of them are a loop, not a recursion.
  if (handingOn) return;
  handingOn = true;
  while (running < MAX_READS && waiting.length > 0) {
    running++;
    waiting.shift()!();
  }
  handingOn = false;
}
