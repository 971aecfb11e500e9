import { type ContentCoding, negotiateCoding } from "../http/negotiation.ts";
import type { Containment } from "./containment.ts";
import { type OpenEntry, openFile } from "./open-entry.ts";

/** What a file's coded form is called: `app.js` → `app.js.br`. */
const EXTENSIONS: Readonly<Record<ContentCoding, string>> = { zstd: ".zst", br: ".br", gzip: ".gz" };

export interface Sidecar {
  readonly entry: OpenEntry;
  readonly path: string;
  readonly coding: ContentCoding;
}

/**
 * Opens the coded form of a file that the request likes best, of those that lie beside it.
 *
 * @param path - of the file as it is
 * @param original - the file as it is: a sidecar that is older is of another state of it, and passed over
 * @returns undefined where the file is to be sent as it is
 */
export async function openSidecar(
  path: string,
  original: OpenEntry,
  request: Request,
  containment: Containment | undefined,
): Promise<Sidecar | undefined> {
  const accepted = request.headers.get("Accept-Encoding");
  let available: ContentCoding[] = ["zstd", "br", "gzip"];
  for (;;) {
    const coding = negotiateCoding(accepted, available);
    if (coding === undefined) return undefined;
    const sidecarPath = path + EXTENSIONS[coding];
    const entry = await openFile(sidecarPath).catch(() => undefined);
    if (entry) {
      const isOurs =
        entry.stats.mtimeNs >= original.stats.mtimeNs && (await isContained(entry, sidecarPath, containment));
      if (isOurs) return { entry, path: sidecarPath, coding };
      entry.close();
    }
    available = available.filter((each) => each !== coding);
  }
}

async function isContained(entry: OpenEntry, path: string, containment: Containment | undefined): Promise<boolean> {
  return !containment || containment.contains(entry, path);
}
