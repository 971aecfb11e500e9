import { StreamError } from "./stream-error.ts";

/** Exit codes of a process that a signal ended, as shells count them. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** What is on its way to a reader who takes nothing is waited for so long, in ms. */
const FLUSH_MS = 1000;

export interface Failure {
  readonly exitCode: number;
  readonly message: string;
}

export interface CommandOptions {
  /** What it does; ended by the signal. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Of a failure that is the command's own; undefined for any other. */
  readonly explain?: (error: unknown) => Failure | undefined;
  /** Resolves when all has left that was printed. */
  readonly flush?: () => Promise<void>;
  /** Said when it did not reach its end: where it was. */
  readonly describePlace: () => string | undefined;
}

/** A sentence on stderr. */
export function note(text: string): void {
  process.stderr.write(`sluice: ${text}\n`);
}

/** Runs a command; then the process ends with 0, or with what `docs/follow.md` says. */
export async function runCommand(options: CommandOptions): Promise<never> {
  const { run, explain, flush = async () => {}, describePlace } = options;
  const controller = new AbortController();
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      // The second one ends the process at once.
      process.once(signal, () => {
        const reason = new Interruption(signal);
        controller.abort(reason);
        reject(reason);
      });
    }
    process.stdout.on("error", reject);
  });
  interrupted.catch(() => {});
  try {
    // Standard input cannot be asked to stop.
    await Promise.race([run(controller.signal).then(flush), interrupted]);
  } catch (error) {
    // Whoever read our output has gone, and knows.
    if ((error as NodeJS.ErrnoException).code === "EPIPE") process.exit(1);
    await Promise.race([flush().catch(() => {}), new Promise((resolve) => setTimeout(resolve, FLUSH_MS))]);
    if (!(error instanceof Interruption)) note(explain?.(error)?.message ?? describe(error));
    const place = describePlace();
    if (place !== undefined) note(place);
    process.exit(error instanceof Interruption ? EXIT_CODES[error.signal] : (explain?.(error)?.exitCode ?? 1));
  }
  // A connection that is kept alive must not keep the process.
  process.exit(0);
}

class Interruption extends Error {
  readonly signal: keyof typeof EXIT_CODES;

  constructor(signal: keyof typeof EXIT_CODES) {
    super(`Ended by ${signal}`);
    this.signal = signal;
  }
}

function describe(error: unknown): string {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return error instanceof StreamError || code !== undefined ? message : (stack ?? String(error));
}
