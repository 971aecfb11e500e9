import { report } from "../core/report.ts";
import type { AppendResult, EventLog, Retention } from "../logs/event-log.ts";

/** Trims what a stream is not to keep, after an append. That is made, whatever becomes of this: the next append tries again. */
export async function retain(
  log: EventLog,
  name: string,
  retention: Retention | undefined,
  { status }: AppendResult,
): Promise<void> {
  if (!retention || status !== "appended") return;
  try {
    await log.trim(name, retention);
  } catch (error) {
    report({ code: "HANDLER_FAILED", message: `The stream ${name} was not trimmed`, error });
  }
}
