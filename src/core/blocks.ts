/**
 * Bytes that are there, at positions from 0: they can be read in whatever blocks suit the reader, and again.
 *
 * `read` is called again only after the one before it has settled.
 */
export interface Blocks {
  /** How many there are; Infinity while more may come. */
  readonly byteLength: number;
  /** Where more may come: how many there are now. */
  readonly availableLength?: number | undefined;
  /** All of them, where they are in memory anyway: then nothing is read. They stay as they are. */
  readonly atHand?: Uint8Array | undefined;
  /**
   * Fills `buffer` from its start with bytes from `position` on, and says how many: at least one. At once, where they are in
   * memory: then thousands of readers need no buffer each. Throws or rejects where the body has failed. A read that reaches the end settles only when it is certain that all of the body is what it
   * claims to be: its last bytes are what makes it look complete.
   *
   * @param buffer - the caller's; not touched after the read has settled
   */
  read(buffer: Uint8Array<ArrayBuffer>, position: number): number | Promise<number>;
  /**
   * Where more may come: waits until there are bytes at `position`, or there never will be: then `byteLength` says so, or a read
   * there fails. A call takes the place of the one before.
   *
   * @param listener - called once, when it is so
   * @returns whether it waits; else it is so already, and nothing is called
   */
  awaitMore?(position: number, listener: () => void): boolean;
  /** Lets go of what is open, after the read under way. Called once, in whatever way the body ends. Must not throw. */
  close(): void;
}
