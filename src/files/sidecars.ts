import { type ContentCoding, negotiateCoding } from "../http/negotiation.ts";
import type { OpenEntry } from "./open-entry.ts";

/** What a file's coded form is called: `app.js` → `app.js.br`. */
const EXTENSIONS: Readonly<Record<ContentCoding, string>> = { zstd: ".zst", br: ".br", gzip: ".gz" };

export interface Sidecar {
  readonly entry: OpenEntry;
  readonly coding: ContentCoding;
}

/**
 * Opens the coded form of a file that the request likes best, of those that lie beside it.
 *
 * @param original - the file as it is: a sidecar that is older is of another state of it, and passed over
 * @param open - opens what lies in the same folder
 * @returns undefined where the file is to be sent as it is
 */
export async function openSidecar(
  original: OpenEntry,
  request: Request,
  open: (path: string) => Promise<OpenEntry>,
): Promise<Sidecar | undefined> {
  const accepted = request.headers.get("Accept-Encoding");
  let available: ContentCoding[] = ["zstd", "br", "gzip"];
  for (;;) {
    const coding = negotiateCoding(accepted, available);
    if (coding === undefined) return undefined;
    const entry = await open(original.path + EXTENSIONS[coding]).catch(() => undefined);
    if (entry?.stats.isFile() && entry.stats.mtimeNs >= original.stats.mtimeNs) {
      return { entry, coding };
    }
    entry?.close();
    available = available.filter((each) => each !== coding);
  }
}
