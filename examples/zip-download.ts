/**
 * Many files as one ZIP that is nowhere yet: made once for all its readers, in constant memory. A download that is cut goes on
 * where it was.
 *
 *   npm run build && npx node examples/zip-download.ts [FOLDER]
 *   curl -L -C - -O http://127.0.0.1:8000/files.zip
 */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { makeZip } from "client-zip";
import { spooled } from "sluice";
import { serve } from "sluice/node";

const folder = process.argv[2];

const download = spooled(
  "files.zip",
  ({ signal }) => makeZip(folder === undefined ? generatedFiles() : filesIn(folder, signal)),
  { mediaType: "application/zip", filename: "files.zip" },
);

/** The next file is opened when the one before it is in the archive. */
async function* filesIn(root: string, signal: AbortSignal) {
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    // Links are left out: they may lead anywhere.
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const { mtime } = await stat(path);
    yield { name: relative(root, path), lastModified: mtime, input: createReadStream(path, { signal }) };
  }
}

/** Without a folder: ten files of some 90 MB each, whose lines are made while they are packed. */
function* generatedFiles() {
  for (let file = 0; file < 10; file++) yield { name: `numbers/${file}.txt`, input: numbers(file * 10_000_000) };
}

async function* numbers(first: number) {
  for (let next = first; next < first + 10_000_000; next += 1000) {
    yield Array.from({ length: 1000 }, (_, index) => `${next + index}\n`).join("");
  }
}

const server = await serve(download, { port: Number(process.env["PORT"] ?? 8000) });
console.log(`curl -L -C - -O ${server.url}/files.zip`);

// The archive is in a temporary folder, which is removed when the process exits by itself.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit());
