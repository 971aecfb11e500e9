import type { Destination } from "./destination.ts";
import { DownloadError } from "./download-error.ts";
import { type Digests, toHex } from "./representation.ts";

export interface Verified {
  /** The algorithms whose digest was right. */
  readonly algorithms: readonly string[];
  /** Those that nobody computed while the bytes were here. */
  readonly unchecked: readonly string[];
}

/**
 * Compares the bytes with what the server says they are (RFC 9530 §3), and with what the user knows they are.
 *
 * @throws DownloadError when they differ; then nothing of the bytes is left
 */
export async function verify(
  destination: Destination,
  claims: { readonly server: Digests; readonly user: Digests },
  signal: AbortSignal,
): Promise<Verified> {
  const algorithms = new Set<string>();
  const unchecked = new Set<string>();
  for (const [source, digests] of [
    ["the server's Repr-Digest", claims.server],
    ["--sha256", claims.user],
  ] as const) {
    for (const [algorithm, expected] of digests) {
      const actual = await destination.digest(algorithm, signal);
      if (actual === undefined) {
        unchecked.add(algorithm);
      } else if (toHex(actual) === toHex(expected)) {
        algorithms.add(algorithm);
      } else {
        await destination.discard();
        throw new DownloadError(
          `The bytes are not those of ${source}: ${algorithm} should be ${toHex(expected)}, and is ${toHex(actual)}`,
        );
      }
    }
  }
  return { algorithms: [...algorithms], unchecked: [...unchecked] };
}
