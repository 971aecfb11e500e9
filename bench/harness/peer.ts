/** A peer this machine can run. */
export interface FoundPeer {
  name: string;
  /** Names and versions, as printed. */
  versions: string;
  /** Whether SIGUSR2 makes it collect garbage. */
  collectsGarbage: boolean;
  /** What to start it with on `port`; `folder` is for what it must write first. */
  prepare(port: number, folder: string): Promise<{ command: string[]; environment?: Record<string, string> }>;
}

/** A peer it can't, and why. */
export interface MissingPeer {
  name: string;
  missing: string;
}
