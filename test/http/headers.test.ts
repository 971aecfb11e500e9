import { describe, expect, it } from "vitest";
import { essence, isCompressible, varyWith, withCharset } from "../../src/http/headers.ts";

describe("a media type", () => {
  it.each([
    ["text/plain", "text/plain; charset=utf-8"],
    ["TEXT/csv", "TEXT/csv; charset=utf-8"],
    ["text/csv; header=present", "text/csv; header=present; charset=utf-8"],
    ["text/plain; charset=ascii", "text/plain; charset=ascii"],
    ["text/plain;CHARSET=ascii", "text/plain;CHARSET=ascii"],
    ["application/json", "application/json"],
    ["application/octet-stream", "application/octet-stream"],
  ])("%s is sent as %s", (given, sent) => {
    expect(withCharset(given)).toBe(sent);
  });

  it.each([
    ["Text/HTML ; charset=utf-8", "text/html"],
    ["application/jsonl", "application/jsonl"],
    ["", ""],
  ])("%j is at heart %j", (given, heart) => {
    expect(essence(given)).toBe(heart);
  });

  it.each([
    ["text/plain", true],
    ["text/event-stream", true],
    ["application/json", true],
    ["application/json; charset=utf-8", true],
    ["application/problem+json", true],
    ["application/x-ndjson", true],
    ["application/jsonl", true],
    ["application/javascript", true],
    ["application/atom+xml; type=feed", true],
    ["image/svg+xml", true],
    ["application/octet-stream", false],
    ["application/jsonish", false],
    ["application/zip", false],
    ["image/png", false],
    ["video/mp4; note=text/plain", false],
    [undefined, false],
  ])("%s is worth compressing: %s", (type, worth) => {
    expect(isCompressible(type)).toBe(worth);
  });
});

describe("Vary", () => {
  it.each([
    [undefined, "Accept-Encoding"],
    ["", "Accept-Encoding"],
    ["Origin", "Origin, Accept-Encoding"],
    ["accept-encoding", "accept-encoding"],
    ["Origin,Accept-Encoding , X", "Origin,Accept-Encoding , X"],
    ["*", "*"],
  ])("%j becomes %j", (present, made) => {
    expect(varyWith(present, "Accept-Encoding")).toBe(made);
  });
});
