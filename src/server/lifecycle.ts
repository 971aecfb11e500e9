import type { Logger } from "pino";
import type { RunningServer } from "../node/index.ts";

export interface LifecycleOptions {
  logger: Logger;
  /** How long bodies may take to end after the first signal, in ms. */
  graceMs: number;
  /** Called at the first signal: what waits for something to happen need not wait any more. */
  onClosing: () => void;
}

/**
 * Waits for SIGTERM or SIGINT, and closes the server: event streams are ended, other bodies may end within the grace. A
 * second signal cuts them at once.
 */
export async function closeOnSignal(
  server: RunningServer,
  { logger, graceMs, onClosing }: LifecycleOptions,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let closing = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (closing) return void server.destroy();
      closing = true;
      logger.info({ signal, active: server.active, graceMs }, "closing; a second signal cuts what is still being sent");
      onClosing();
      server.close({ graceMs }).then(resolve, reject);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
  logger.info("closed");
}
