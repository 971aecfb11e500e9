import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ZipExample } from "../clients/support/zip-example.ts";
import { MEASURED_MEMORY } from "../faults/support/child.ts";
import { ran, scaled, toGrowth, toMiB } from "../faults/support/scale.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { MOST_GROWTH_BYTES, treeBytes } from "./rows-server.ts";

const FILES = 3;
const FILE_BYTES = scaled(100, 1000) * 2 ** 20;

const folder = temporaryFolder();

test("a large archive costs no more than 64 MiB while it is made and read", { timeout: 300_000 }, async () => {
  const files = join(folder.path, "files");
  mkdirSync(files);
  for (let index = 0; index < FILES; index++) {
    // Holes, which are read as zeros.
    writeFileSync(join(files, `${index}`), "");
    truncateSync(join(files, `${index}`), FILE_BYTES);
  }
  await using example = await ZipExample.start(files, folder.path, MEASURED_MEMORY.env);
  const pid = example.child.pid!;
  const idleBytes = treeBytes(pid);
  let most = idleBytes;
  let received = 0;
  const sampling = setInterval(() => (most = Math.max(most, treeBytes(pid))), 50);
  try {
    const response = await fetch(example.url);
    for await (const chunk of response.body!) received += (chunk as Uint8Array).byteLength;
  } finally {
    clearInterval(sampling);
  }
  ran(`an archive of ${toMiB(received)}: ${toGrowth(most - idleBytes)}`);
  expect(received).toBeGreaterThan(FILES * FILE_BYTES);
  expect(most - idleBytes).toBeLessThan(MOST_GROWTH_BYTES);
});
