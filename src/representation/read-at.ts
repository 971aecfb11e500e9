import { read } from "node:fs";

/**
 * Fills a buffer from its start with bytes of an open file, which must stay open until this has settled. Less than a `FileHandle`
 * does: it costs less, too.
 *
 * @param buffer - the caller's; not touched after this has settled
 * @param endsAt - makes the error for a file that has nothing at `position` any more
 * @returns how many bytes were read, at least one; rejects with the file system's error
 */
export function readAt(
  descriptor: number,
  buffer: Uint8Array,
  length: number,
  position: number,
  endsAt: (position: number) => Error,
): Promise<number> {
  return new Promise((resolve, reject) => {
    read(descriptor, buffer, 0, length, position, (error, bytesRead) => {
      if (error) reject(error);
      else if (bytesRead === 0) reject(endsAt(position));
      else resolve(bytesRead);
    });
  });
}
