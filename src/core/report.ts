import { describe } from "./describe.ts";

/** Something the one who runs the process should know, that no caller is there to be told. */
export interface Report {
  readonly code:
    | "HANDLER_FAILED"
    | "ON_FINISH_FAILED"
    | "SOURCE_FAILED"
    | "SOURCE_OUTLIVED_READER"
    | "UNIX_SOCKET_CANNOT_RESET";
  readonly message: string;
  /** What was thrown, where something was. */
  readonly error?: unknown;
}

export type Reporter = (report: Report) => void;

interface Runtime {
  process?: { emitWarning?: (message: string, options: { type: string; code: string; detail?: string }) => void };
}

let reporter: Reporter = emitWarning;

/** Where reports go from now on. The default is `process.emitWarning`, or the console where there is none. */
export function setReporter(next: Reporter): void {
  reporter = next;
}

export function report(entry: Report): void {
  reporter(entry);
}

function emitWarning({ code, message, error }: Report): void {
  const runtime = (globalThis as Runtime).process;
  const detail = error instanceof Error ? error.stack : error === undefined ? undefined : `It threw ${describe(error)}`;
  if (runtime?.emitWarning)
    runtime.emitWarning(message, { type: "SluiceWarning", code, ...(detail ? { detail } : {}) });
  // oxlint-disable-next-line no-console -- there is nothing else where there is no process
  else console.warn(`SluiceWarning [${code}]: ${message}`, error ?? "");
}
