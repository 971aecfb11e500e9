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
   * Fills `buffer` from its start with bytes from `position` on, and says how many: at least one. Rejects where the body
   * has failed. A read that reaches the end settles only when it is certain that all of the body is what it
   * claims to be: its last bytes are what makes it look complete.
   *
   * @param buffer - the caller's; not touched after the read has settled
   */
  read(buffer: Uint8Array<ArrayBuffer>, position: number): Promise<number>;
  /**
   * Where more may come: resolves when there are bytes at `position`, or there never will be: then `byteLength` says so.
   * Undefined: it is so already. Rejects where the body has failed. A call takes the place of the one before, which need not
   * settle any more.
   */
  more?(position: number): PromiseLike<void> | undefined;
  /** Lets go of what is open, after the read under way. Called once, in whatever way the body ends. Must not throw. */
  close(): void;
}
