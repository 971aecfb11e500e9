import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lines } from "../../src/streaming/lines.ts";
import { within } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";

const folder = temporaryFolder();
const BLOCK = 64 * 1024;

async function readAll(path: string | URL, maxLineBytes?: number): Promise<string[]> {
  const all: string[] = [];
  for await (const line of lines(path, maxLineBytes === undefined ? {} : { maxLineBytes })) all.push(line);
  return all;
}

async function readBytes(path: string, maxLineBytes?: number): Promise<Buffer> {
  const puller = lines(path, maxLineBytes === undefined ? {} : { maxLineBytes }).openBytes();
  const blocks: Uint8Array[] = [];
  for (;;) {
    const block = await within(Promise.resolve(puller.pull()), "a block");
    if (block === undefined) return Buffer.concat(blocks);
    blocks.push(block as Uint8Array);
  }
}

/** What was read before the failure, and its code. */
async function readUntilFailure(path: string, maxLineBytes: number): Promise<{ before: string; code: unknown }> {
  let before = "";
  try {
    for await (const line of lines(path, { maxLineBytes })) before += line;
  } catch (error) {
    return { before, code: (error as { code?: unknown }).code };
  }
  return { before, code: undefined };
}

describe("the lines of a file", () => {
  it.each([
    ["empty", "", []],
    ["one line without an ending", "a", ["a"]],
    ["one line", "a\n", ["a\n"]],
    ["an empty line", "\n", ["\n"]],
    ["no last ending", "a\nb", ["a\n", "b"]],
    ["CRLF", "a\r\nb\r\n", ["a\r\n", "b\r\n"]],
    ["a lone CR", "a\rb\n", ["a\rb\n"]],
    ["empty lines", "\n\r\n\na", ["\n", "\r\n", "\n", "a"]],
    ["a byte order mark", "\ufeffa\n", ["\ufeffa\n"]],
    ["NUL", "a\0b\n", ["a\0b\n"]],
  ])("have their endings: %s", async (name, content, expected) => {
    const path = folder.write(`plain-${name}`, content);
    expect(await readAll(path)).toEqual(expected);
    expect((await readBytes(path)).toString()).toBe(content);
  });

  it("are the file's, wherever its blocks end, as text and as bytes", async () => {
    const line = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "é", "€", "😀", "\r"), maxLength: 30 }),
      fc.integer({ min: BLOCK - 5, max: BLOCK + 5 }).map((length) => "€".repeat(length / 3) + "x".repeat(length % 3)),
      fc.integer({ min: 1, max: 3 * BLOCK }).map((length) => "x".repeat(length)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), fc.boolean(), async (all, lastEnding) => {
        const content = all.join("\n") + (lastEnding ? "\n" : "");
        const path = folder.write("property", content);
        const expected = content.split(/(?<=\n)/u).filter((part) => part !== "");
        const read = await readAll(path);
        expect(read.length).toBe(expected.length);
        expect(read.every((text, index) => text === expected[index])).toBe(true);
        expect((await readBytes(path)).equals(Buffer.from(content))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each([1, 2, 3])(
    "have their characters whole where a block ends inside one, after %i of its bytes",
    async (cut) => {
      const content = `${"x".repeat(BLOCK - cut)}😀\n${"y".repeat(BLOCK)}é\n`;
      const path = folder.write("characters", content);
      expect((await readAll(path)).join("") === content).toBe(true);
    },
  );

  it("have U+FFFD for bytes that are no UTF-8, which are sent as they are as bytes", async () => {
    const path = folder.write("invalid", Buffer.from([0x61, 0xff, 0x0a, 0xc3]));
    expect(await readAll(path)).toEqual(["a\ufffd\n", "\ufffd"]);
    expect(await readBytes(path)).toEqual(Buffer.from([0x61, 0xff, 0x0a, 0xc3]));
  });

  it("are read by path or URL, any number of times, each time from the start", async () => {
    const path = folder.write("again", "a\nb\n");
    const file = lines(pathToFileURL(path));
    expect(await Array.fromAsync(file)).toEqual(["a\n", "b\n"]);
    expect(await Array.fromAsync(file)).toEqual(["a\n", "b\n"]);
  });

  it("are read up to where the file ends then", async () => {
    const path = folder.write("growing", "a\n");
    const iterator = lines(path)[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toBe("a\n");
    folder.write("growing", "a\nb\n");
    expect((await iterator.next()).value).toBe("b\n");
    expect((await iterator.next()).done).toBe(true);
  });

  it("fail as the file system fails", async () => {
    await expect(readAll(`${folder.path}/missing`)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(readAll(folder.path)).rejects.toMatchObject({ code: "EISDIR" });
    await expect(readBytes(`${folder.path}/missing`)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, "5"])("refuse a maxLineBytes of %s", (maxLineBytes) => {
    expect(() => lines("any", { maxLineBytes: maxLineBytes as number })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_OPTION" }),
    );
  });
});

/** Short lines of so many bytes in all. */
function shortLines(byteLength: number): string {
  if (byteLength === 0) return "";
  return `${"short\n".repeat(Math.floor((byteLength - 1) / 6))}${"p".repeat((byteLength - 1) % 6)}\n`;
}

describe("a line that is too long", () => {
  const max = 1000;
  const starts = [0, 1, max, BLOCK - 2 * max, BLOCK - max - 1, BLOCK - max, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 7];

  it.each(starts)("fails, at byte %i of the file, and only whole lines come before it", async (start) => {
    const head = shortLines(start);
    for (const [ending, length] of [
      ["\n", max],
      ["\r\n", max - 1],
      ["", max + 1],
      ["\n", BLOCK],
      ["", 2 * BLOCK],
    ] as const) {
      const path = folder.write("long", `${head}${"x".repeat(length)}${ending}${ending && "last\n"}`);
      const { before, code } = await readUntilFailure(path, max);
      expect(code).toBe("ERR_LINE_TOO_LONG");
      expect(head.startsWith(before)).toBe(true);
      expect(before === "" || before.endsWith("\n")).toBe(true);
      await expect(readBytes(path, max)).rejects.toMatchObject({ code: "ERR_LINE_TOO_LONG" });
    }
  });

  it.each(starts)("is none with its last byte, at byte %i of the file", async (start) => {
    const head = shortLines(start);
    for (const ending of ["\n", "\r\n", ""]) {
      const content = `${head}${"x".repeat(max - ending.length)}${ending}`;
      const path = folder.write("just", content);
      expect((await readAll(path, max)).join("") === content).toBe(true);
      expect((await readBytes(path, max)).toString() === content).toBe(true);
    }
  });

  it("is counted in bytes, not in characters", async () => {
    const path = folder.write("bytes", `${"é".repeat(5)}\n`);
    expect(await readAll(path, 11)).toEqual([`${"é".repeat(5)}\n`]);
    await expect(readAll(path, 10)).rejects.toMatchObject({ code: "ERR_LINE_TOO_LONG" });
  });

  it("has more than 1 MiB unless it is told otherwise", async () => {
    const path = folder.write("mebibyte", `${"x".repeat(1024 * 1024 - 1)}\n`);
    expect((await readAll(path))[0]).toHaveLength(1024 * 1024);
    folder.write("mebibyte", `${"x".repeat(1024 * 1024)}\n`);
    await expect(readAll(path)).rejects.toMatchObject({ code: "ERR_LINE_TOO_LONG" });
  });
});
