import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { DISCARD_AFTER_MS } from "../../src/core/body.ts";
import { fileResponse } from "../../src/index.ts";
import { until } from "../helpers/deadline.ts";
import { Outcomes, openDescriptors, temporaryFolder } from "./support.ts";

const path = join(temporaryFolder(), "file.txt");

test("a Response that nobody sends, cancels or reads closes its file", async () => {
  writeFileSync(path, "text");
  const outcomes = new Outcomes();
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  try {
    await fileResponse(new Request("http://x/"), path, { onFinish: outcomes.onFinish });
    vi.advanceTimersByTime(DISCARD_AFTER_MS - 1_000);
    expect(openDescriptors(path)).toBe(1);
    vi.advanceTimersByTime(2_000);
  } finally {
    vi.useRealTimers();
  }
  expect(outcomes.all.map(({ outcome }) => outcome)).toEqual(["discarded"]);
  await until(() => openDescriptors(path) === 0, "closing the file", 1_000);
});
