import { array, assert, boolean, constant, constantFrom, oneof, pre, property, string, webUrl } from "fast-check";
import { describe, expect, test } from "vitest";
import { HttpError } from "../../src/errors.ts";
import { type RequestPath, parseRequestPath, stripPrefix } from "../../src/http/request-path.ts";
import { fastestMs, flood } from "./support.ts";

/** Pieces that paths are attacked with. */
const hostile = constantFrom(
  ..."/ \\ . .. % %2 %2f %2F %5c %2e %2E%2e %00 %25 %252f %c0%af %ed%a0%80 %C3%A9 é \ud800 \udc00 \0 \t \n ? # : @ http:// a b".split(
    " ",
  ),
  " ",
  "\u0085",
  "\u00a0",
  "\ufeff",
);
const attacks = oneof(
  string({ unit: "binary" }),
  array(hostile, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`),
  array(hostile, { maxLength: 12 }).map((pieces) => `http://host/${pieces.join("")}`),
  array(hostile, { maxLength: 12 }).map((pieces) => pieces.join("")),
);

describe("the path of a request", () => {
  test.each<[url: string, segments: string[], isFolder: boolean]>([
    ["http://host/a/b.txt", ["a", "b.txt"], false],
    ["http://host/a/b/", ["a", "b"], true],
    ["http://host/", [], true],
    ["http://host", [], true],
    ["http://host?a/b", [], true],
    ["http://host/a?b/../c", ["a"], false],
    ["http://host/a#b//c", ["a"], false],
    ["http://host/a/?b", ["a"], true],
    ["https://user:pass@host:8443/a", ["a"], false],
    ["HTTP://[::1]:80/a", ["a"], false],
    ["/a/b", ["a", "b"], false],
    ["/", [], true],
    ["/?", [], true],
    ["/a%20b", ["a b"], false],
    ["/%C3%A9.txt", ["é.txt"], false],
    ["/é.txt", ["é.txt"], false],
    ["/%F0%9F%98%80", ["😀"], false],
    ["/%3F%23", ["?#"], false],
    ["/a;b=c,d", ["a;b=c,d"], false],
    ["/.well-known/x", [".well-known", "x"], false],
    ["/.../..a/b..", ["...", "..a", "b.."], false],
    // Decoded exactly once
    ["/%252F", ["%2F"], false],
    ["/%252e%252e", ["%2e%2e"], false],
    ["/%25", ["%"], false],
    ["/+", ["+"], false],
  ])("%s has the segments %j", (url, segments, isFolder) => {
    expect(parseRequestPath(url)).toEqual({ segments, isFolder });
  });

  test.each<[url: string, detail: RegExp]>([
    ["//", /empty segment/u],
    ["//a", /empty segment/u],
    ["/a//b", /empty segment/u],
    ["/a//", /empty segment/u],
    ["/http://host", /empty segment/u],
    ["http://host//a", /empty segment/u],
    ["http://host/a///b", /empty segment/u],
    ["/.", /dots/u],
    ["/..", /dots/u],
    ["/./", /dots/u],
    ["/a/../b", /dots/u],
    ["/a/./b", /dots/u],
    ["/a/..", /dots/u],
    ["/a/%2e%2E/b", /dots/u],
    ["/a/.%2e", /dots/u],
    ["/%2e/a", /dots/u],
    ["/a%2Fb", /%2F/u],
    ["/a%2fb", /%2F/u],
    ["/..%2f..%2fetc", /%2F/u],
    ["/a%5Cb", /%5C/u],
    ["/..%5c", /%5C/u],
    ["/a\\b", /backslash/u],
    ["http://host\\a", /backslash/u],
    ["http://host/a\\..\\b", /backslash/u],
    ["/a%00.txt", /control/u],
    ["/a\u0000.txt", /control/u],
    ["/a%0a", /control/u],
    ["/a%1F", /control/u],
    ["/a%7f", /control/u],
    ["/a%C2%80", /control/u],
    ["/a%C2%9F", /control/u],
    ["/a\u0085", /control/u],
    ["/a\t", /control/u],
    ["/a\r\nb", /control/u],
    ["/a b", /space/u],
    ["http://host/a ", /space/u],
    [" http://host/a", /space/u],
    ["/%", /percent sign/u],
    ["/a%2", /percent sign/u],
    ["/%zz", /percent sign/u],
    ["/%%41", /percent sign/u],
    ["/%u0041", /percent sign/u],
    ["/%c0%af", /UTF-8/u],
    ["/%c0%ae%c0%ae", /UTF-8/u],
    ["/%ff", /UTF-8/u],
    ["/%E2%82", /UTF-8/u],
    ["/%ed%a0%80", /UTF-8/u],
    ["/\ud800", /Unicode/u],
    ["/\udc00\ud800", /Unicode/u],
    // What parsers take for something else than a path
    ["http:///a/b", /host/u],
    ["http://\t/a/b", /control/u],
    ["http:/a", /host/u],
    ["http:a", /host/u],
    ["http:\\\\host\\a", /backslash/u],
    ["file:///etc/passwd", /host/u],
    ["file://host/a", /http/u],
    ["ftp://host/a", /http/u],
    ["data:text/plain,/a", /host/u],
    ["a/b", /host/u],
    ["*", /host/u],
    ["", /host/u],
    ["?a", /host/u],
  ])("%j is refused, with the reason", (url, detail) => {
    expect(refusal(url)?.detail).toMatch(detail);
    expect(refusal(url)?.status).toBe(400);
  });

  test("is that which was encoded, whatever the segments are", () => {
    const segment = string({ unit: "grapheme", minLength: 1 }).filter((text) => !/^\.\.?$|[/\\\p{Cc}]/u.test(text));
    const origins = constantFrom("", "http://host", "https://user@[::1]:8443");
    const queries = constantFrom("", "?a/../b", "#a//b", "?#");
    const encoders = constantFrom(encodeURIComponent, encodeEveryByte);
    assert(
      property(array(segment), boolean(), origins, queries, encoders, (segments, isFolder, origin, query, encode) => {
        const path =
          segments.map((each) => `/${encode(each)}`).join("") + (isFolder || segments.length === 0 ? "/" : "");
        expect(parseRequestPath(origin + path + query)).toEqual({ segments, isFolder: path.endsWith("/") });
      }),
      { numRuns: 1000 },
    );
  });

  test("never has a segment that means something to a file system, whatever the URL is", () => {
    let parsed = 0;
    assert(
      property(attacks, (url) => {
        const path = tryParse(url);
        if (!path) return;
        parsed++;
        for (const segment of path.segments) {
          expect(["", ".", ".."]).not.toContain(segment);
          expect(segment).not.toMatch(/[/\\\p{Cc}]/u);
          expect(segment.isWellFormed()).toBe(true);
        }
      }),
      { numRuns: 5000 },
    );
    expect(parsed).toBeGreaterThan(100);
  });

  test("is refused, or the same before and after a URL parser has normalised it", () => {
    const urls = oneof(
      attacks.map((url) => (url.startsWith("/") ? `http://host${url}` : url)),
      webUrl({ withFragments: true, withQueryParameters: true }),
    );
    let parsed = 0;
    assert(
      property(urls, (url) => {
        const path = tryParse(url);
        pre(path !== undefined && URL.canParse(url));
        parsed++;
        expect(parseRequestPath(new URL(url).href)).toEqual(path);
      }),
      { numRuns: 2000 },
    );
    expect(parsed).toBeGreaterThan(100);
  });

  test("throws nothing but a 400 that does not repeat what was sent", () => {
    assert(
      property(attacks, (url) => {
        try {
          parseRequestPath(url);
        } catch (error) {
          expect(error).toBeInstanceOf(HttpError);
          expect((error as HttpError).status).toBe(400);
          expect((error as HttpError).detail).toMatch(/^[\x20-\x7e]{1,100}$/u);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test.each([flood("/"), flood("/a"), flood("/."), flood("/%41"), flood("/%"), `http://${flood("a")}`])(
    "of a flood is looked at in a moment (%#)",
    (url) => {
      expect(fastestMs(() => tryParse(url))).toBeLessThan(2);
    },
  );
});

describe("the path below a prefix", () => {
  test.each<[path: string, prefix: string[], below: string[] | undefined, isFolder?: boolean]>([
    ["/files/a/b", ["files"], ["a", "b"], false],
    ["/files/a/", ["files"], ["a"], true],
    ["/files/", ["files"], [], true],
    ["/files", ["files"], [], false],
    ["/%66iles/a", ["files"], ["a"], false],
    ["/a/b", [], ["a", "b"], false],
    ["/", [], [], true],
    ["/a/b/c", ["a", "b"], ["c"], false],
    ["/files2/a", ["files"], undefined],
    ["/private.txt", ["p"], undefined],
    ["/Files/a", ["files"], undefined],
    ["/a", ["a", "b"], undefined],
    ["/", ["files"], undefined],
  ])("%s below %j is %j", (url, prefix, below, isFolder) => {
    const path = parseRequestPath(url);
    expect(stripPrefix(path, prefix)).toEqual(below && { segments: below, isFolder });
  });

  test("is what comes after it", () => {
    const segments = array(oneof(string({ minLength: 1 }), constant("a")));
    assert(
      property(segments, segments, boolean(), (prefix, rest, isFolder) => {
        expect(stripPrefix({ segments: [...prefix, ...rest], isFolder }, prefix)).toEqual({ segments: rest, isFolder });
      }),
    );
  });
});

function tryParse(url: string): RequestPath | undefined {
  try {
    return parseRequestPath(url);
  } catch (error) {
    if (error instanceof HttpError) return undefined;
    throw error;
  }
}

function refusal(url: string): HttpError | undefined {
  try {
    parseRequestPath(url);
  } catch (error) {
    return error as HttpError;
  }
  return undefined;
}

function encodeEveryByte(text: string): string {
  return Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}
