import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contentDisposition, isSafeInline } from "../../src/http/disposition.ts";

/** The name that a client of today takes: `filename*` where there is one (RFC 6266 §4.3). */
function filenameOf(field: string): string | undefined {
  const extended = /; filename\*=UTF-8''([!#$&+\-.^_`|~\w%]+)$/u.exec(field);
  if (extended) return decodeURIComponent(extended[1]!);
  const quoted = /; filename="((?:[^"\\]|\\.)*)"$/u.exec(field);
  return quoted?.[1]!.replace(/\\(.)/gu, "$1");
}

describe("a Content-Disposition", () => {
  it.each([
    ["report.csv", 'attachment; filename="report.csv"'],
    ["two words.csv", 'attachment; filename="two words.csv"'],
    ["Übersicht 2026.csv", "attachment; filename=\"_bersicht 2026.csv\"; filename*=UTF-8''%C3%9Cbersicht%202026.csv"],
    ["€ rates.pdf", "attachment; filename=\"_ rates.pdf\"; filename*=UTF-8''%E2%82%AC%20rates.pdf"],
    ["😀.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%F0%9F%98%80.txt"],
    ["it's (1)*!.txt", 'attachment; filename="it\'s (1)*!.txt"'],
    ["é'()*!.txt", "attachment; filename=\"_'()*!.txt\"; filename*=UTF-8''%C3%A9%27%28%29%2A!.txt"],
    ['a"b.txt', 'attachment; filename="a\\"b.txt"; filename*=UTF-8\'\'a%22b.txt'],
    ["100%41.txt", "attachment; filename=\"100_41.txt\"; filename*=UTF-8''100%2541.txt"],
    ["100% sure.txt", 'attachment; filename="100% sure.txt"'],
    // Hostile ones
    ["../../etc/passwd", 'attachment; filename="passwd"'],
    ["C:\\Users\\me\\x.txt", 'attachment; filename="x.txt"'],
    ["a\r\nSet-Cookie: evil=1", 'attachment; filename="aSet-Cookie: evil=1"'],
    ["a\u0000.txt\u007f\u0085", 'attachment; filename="a.txt"'],
    ["a/\n..", "attachment"],
    ["", "attachment"],
    [".", "attachment"],
    ["..", "attachment"],
    ["folder/", "attachment"],
    ["\ud800.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%EF%BF%BD.txt"],
  ])("of %j is %s", (name, field) => {
    expect(contentDisposition(name)).toBe(field);
  });

  it("is inline where that is asked for", () => {
    expect(contentDisposition("a.pdf", "inline")).toBe('inline; filename="a.pdf"');
    expect(contentDisposition("", "inline")).toBe("inline");
  });

  it("is a field that a Response takes, and that gives the name back, whatever the name is", () => {
    const names = fc.string({
      unit: fc.oneof(
        fc.string({ unit: "binary", maxLength: 1 }),
        fc.constantFrom("/", "\\", '"', "%", "41", "'", ";", "\n", "."),
      ),
    });
    fc.assert(
      fc.property(names, (name) => {
        const field = contentDisposition(name);
        expect(field).toMatch(/^[\x20-\x7e]+$/u);
        expect(new Headers({ "Content-Disposition": field }).get("Content-Disposition")).toBe(field);
        const filename = filenameOf(field);
        const kept = name
          .toWellFormed()
          .split(/[/\\]/u)
          .at(-1)!
          .replace(/\p{Cc}/gu, "");
        expect(filename ?? "").toBe(["", ".", ".."].includes(kept) ? "" : kept);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a type that is safe inline", () => {
  it.each([
    "image/png",
    "image/jpeg",
    "image/webp",
    "image/avif",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "IMAGE/PNG",
    "image/png; q=1",
    " image/gif ;x=y",
    "audio/mpeg",
    "audio/ogg",
    "video/mp4",
    'video/webm; codecs="vp9, opus"',
    "font/woff2",
    "text/plain",
    "text/plain; charset=utf-8",
    "Text/Plain;charset=iso-8859-1",
    "text/csv",
    "text/vtt",
    "application/json",
    "application/jsonl",
    "application/pdf",
  ])("is %s", (mediaType) => {
    expect(isSafeInline(mediaType)).toBe(true);
  });

  it.each([
    "text/html",
    "TEXT/HTML",
    "text/html; charset=utf-8",
    "image/svg+xml",
    "image/SVG+XML; charset=utf-8",
    "image/svg",
    "image/svg+xml-compressed",
    // Any +xml is opened as a document, in which XHTML runs scripts
    "image/x+xml",
    "video/x+xml",
    "audio/x+xml",
    "font/x+xml",
    "application/xhtml+xml",
    "application/xml",
    "text/xml",
    "text/xsl",
    "application/rss+xml",
    "application/mathml+xml",
    "text/javascript",
    "application/javascript",
    "text/ecmascript",
    "text/css",
    "text/event-stream",
    "multipart/x-mixed-replace",
    "multipart/related",
    "message/rfc822",
    "application/x-shockwave-flash",
    "application/octet-stream",
    "application/zip",
    "text/cache-manifest",
    "text/unknown",
    "application/json+xml",
    // None, or more than one
    "",
    ";",
    "image",
    "image/",
    "image/*",
    "*/*",
    "image/png, text/html",
    "image/png text/html",
    "image/png/text/html",
    "image/png\ntext/html",
    "text/plain,text/html",
    "x/image/png",
  ])("is not %j", (mediaType) => {
    expect(isSafeInline(mediaType)).toBe(false);
  });

  it("is none that has xml or svg in it, whatever else it has", () => {
    const word = fc.constantFrom("image/", "video/", "text/", "application/", "png", "x", "+", "-", ".", " ", ",");
    const bad = fc.constantFrom("xml", "svg", "XML", "Svg");
    fc.assert(
      fc.property(fc.array(word), bad, fc.array(word), (before, name, after) => {
        expect(isSafeInline([...before, name, ...after].join(""))).toBe(false);
        expect(isSafeInline(["image/", ...before, name, ...after].join(""))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});
