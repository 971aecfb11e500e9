/** Why a stream cannot be read or written; the message is for the person who asked for it. */
export class StreamError extends Error {
  override readonly name: string = "StreamError";
}
