import { expect, test } from "vitest";
import { describeFile } from "../../src/files/file-validators.ts";

const NOW = Date.UTC(2026, 0, 1, 12);

function stats(changes: Partial<Record<"size" | "ino" | "mtimeMs" | "ctimeMs" | "mtimeNs" | "ctimeNs", bigint>> = {}) {
  const past = BigInt(NOW - 60_000);
  const base = { size: 1000n, dev: 1n, ino: 7n, mtimeMs: past, ctimeMs: past };
  const merged = { ...base, ...changes };
  return { mtimeNs: merged.mtimeMs * 1_000_000n, ctimeNs: merged.ctimeMs * 1_000_000n, ...merged };
}

test("the tag is strong, and another for another size, inode or time, to the nanosecond", () => {
  const base = stats();
  const tags = [
    base,
    stats({ size: 1001n }),
    stats({ ino: 8n }),
    stats({ mtimeNs: base.mtimeNs + 1n }),
    stats({ ctimeNs: base.ctimeNs + 1n }),
  ].map((each) => describeFile(each, NOW, "stat").etag);
  expect(new Set(tags).size).toBe(tags.length);
  for (const tag of tags) expect(tag).toMatch(/^"[\w-]{22}"$/u);
  expect(describeFile(stats(), NOW, "stat").etag).toBe(tags[0]);
});

test("while the last change is younger than 2 s, nothing about the file is strong", () => {
  for (const name of ["mtimeMs", "ctimeMs"] as const) {
    const young = describeFile(stats({ [name]: BigInt(NOW - 1_999) }), NOW, "stat");
    expect(young.etag).toMatch(/^W\//u);
    expect(young.lastModifiedIsStrong).toBe(false);
    const settled = describeFile(stats({ [name]: BigInt(NOW - 2_000) }), NOW, "stat");
    expect(settled.etag).toMatch(/^"/u);
    expect(settled.lastModifiedIsStrong).toBe(true);
  }
});

test("a file from the future was modified now at the latest, and its date is not strong", () => {
  const { etag, lastModifiedMs, lastModifiedIsStrong } = describeFile(
    stats({ mtimeMs: BigInt(NOW + 3_600_000) }),
    NOW,
    "stat",
  );
  // The answer's Date may be up to a second old.
  expect(lastModifiedMs).toBe(NOW - 1_000);
  expect(lastModifiedIsStrong).toBe(false);
  expect(etag).toMatch(/^"/u);
});

test("the date is cut to whole seconds, and left out where it says nothing", () => {
  expect(describeFile(stats({ mtimeMs: 1_700_000_000_999n }), NOW, "stat").lastModifiedMs).toBe(1_700_000_000_000);
  for (const meaningless of [0n, 1000n, -5000n]) {
    expect(describeFile(stats({ mtimeMs: meaningless }), NOW, "stat").lastModifiedMs).toBeUndefined();
  }
});
