import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { EventPrinter } from "../../src/cli/tail/event-printer.ts";
import { until } from "../helpers/deadline.ts";

/** An output that takes one piece at a time, when it is let. */
class SlowOutput extends Writable {
  readonly pieces: string[] = [];
  #take: (() => void) | undefined;

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.pieces.push(chunk.toString());
    this.#take = callback;
  }

  take(): void {
    const take = this.#take;
    this.#take = undefined;
    take!();
  }
}

test("events are gathered until the event loop turns, and have left when the output has taken them", async () => {
  const output = new SlowOutput();
  const printer = new EventPrinter(output);
  void printer.print("a\n", "1");
  void printer.print(Buffer.from("b\n"), "2");
  expect([output.pieces, printer.lastId]).toEqual([[], ""]);
  await until(() => output.pieces.length > 0, "the write");
  void printer.print("c\n", "3");
  const flushed = printer.flush();
  let hasFlushed = false;
  void flushed.then(() => (hasFlushed = true));
  expect([output.pieces, printer.lastId]).toEqual([["a\nb\n"], ""]);
  output.take();
  await until(() => output.pieces.length > 1, "the second write");
  expect([output.pieces, printer.lastId, hasFlushed]).toEqual([["a\nb\n", "c\n"], "2", false]);
  output.take();
  await until(() => output.pieces.length > 2, "the end of what is flushed");
  output.take();
  await flushed;
  expect(printer.lastId).toBe("3");
});

test("an output that takes no more holds its events back", async () => {
  const output = new SlowOutput({ highWaterMark: 10 });
  const printer = new EventPrinter(output);
  expect(printer.print("x".repeat(20), "1")).toBeUndefined();
  await until(() => output.writableNeedDrain, "the write");
  const room = printer.print("y", "2");
  expect(room).toBeInstanceOf(Promise);
  output.take();
  await room;
  // A large one is not gathered.
  const large = new EventPrinter(output).print("z".repeat(64 * 1024), "3");
  expect(large).toBeInstanceOf(Promise);
});

test("an output that breaks is told to who waits for it", async () => {
  const output = new SlowOutput({ highWaterMark: 1 });
  output.on("error", () => {});
  const printer = new EventPrinter(output);
  const room = printer.print("x".repeat(64 * 1024), "1");
  output.destroy(new Error("gone"));
  await expect(room).rejects.toThrow("gone");
  await expect(printer.flush()).rejects.toThrow();
  expect(printer.lastId).toBe("");
});
