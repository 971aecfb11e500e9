import { expect, test } from "vitest";
import { type History, type ReadMessage, findFaults, messageOf } from "./history.ts";

const a0 = { id: "a", epoch: 0, seq: 0 };
const a1 = { id: "a", epoch: 0, seq: 1 };
const b0 = { id: "b", epoch: 0, seq: 0 };
const b1 = { id: "b", epoch: 1, seq: 0 };
const unknown = { id: "c", epoch: 0, seq: 0 };

/** Messages one behind the other. */
function inOrder(...appends: { id: string; epoch: number; seq: number }[]): ReadMessage[] {
  let end = 0;
  return appends.map((append) => {
    const text = messageOf(append);
    return { text, end: (end += text.length) };
  });
}

const whole = inOrder(a0, b0, a1, b1);
const RIGHT: History = {
  sent: [
    { ...a0, acknowledged: 7 },
    { ...b0, acknowledged: 14 },
    { ...a1, acknowledged: 28, isRepeated: true },
    { ...b1, acknowledged: undefined },
    { id: "b", epoch: 1, seq: 1, acknowledged: undefined },
  ],
  readers: [
    { reader: "all", from: 0, messages: whole, isComplete: true },
    { reader: "some", from: 7, messages: whole.slice(1, 3), isComplete: false },
    { reader: "end", from: 28, messages: [], isComplete: true },
    { reader: "none yet", from: 0, messages: [], isComplete: false },
  ],
  final: whole,
};

function kindsOf(changed: Partial<History>): string[] {
  return [...new Set(findFaults({ ...RIGHT, ...changed }).map(({ kind }) => kind))];
}

test("a history that can be has no faults", () => {
  expect(findFaults(RIGHT)).toEqual([]);
});

test.each<[what: string, final: ReadMessage[], kinds: string[]]>([
  ["lost: acknowledged", inOrder(a0, b0, b1), ["lost"]],
  ["doubled", inOrder(a0, b0, a1, b1, a0), ["doubled"]],
  ["doubled at once", inOrder(a0, a0, b0, a1, b1), ["doubled", "phantom"]],
  ["reordered, of one epoch", inOrder(a1, b0, a0, b1), ["reordered", "phantom"]],
  ["reordered, of two", inOrder(a0, b1, a1, b0), ["reordered", "phantom"]],
  ["phantom", inOrder(a0, b0, a1, b1, unknown), ["phantom"]],
  ["phantom: places that cannot be", whole.map(({ text, end }) => ({ text, end: end + 1 })), ["phantom"]],
])("%s", (_what, final, kinds) => {
  expect(kindsOf({ final, readers: [] })).toEqual(kinds);
});

test("not acknowledged, and not there, is right; so is not acknowledged, and there", () => {
  expect(kindsOf({ final: whole.slice(0, 3), readers: [] })).toEqual([]);
});

test("an append that was acknowledged at another place", () => {
  const acknowledgedAt = (acknowledged: number, isRepeated: boolean): string[] => {
    const sent = RIGHT.sent.map((append) =>
      messageOf(append) === messageOf(a1) ? { ...append, acknowledged, isRepeated } : append,
    );
    return kindsOf({ sent, readers: [] });
  };
  expect(acknowledgedAt(21, false)).toEqual([]);
  expect(acknowledgedAt(14, false)).toEqual(["phantom"]);
  expect(acknowledgedAt(28, false)).toEqual(["phantom"]);
  // A repetition is told where the end is then.
  expect(acknowledgedAt(28, true)).toEqual([]);
  expect(acknowledgedAt(14, true)).toEqual(["phantom"]);
});

test.each<[what: string, messages: ReadMessage[], isComplete: boolean, kinds: string[]]>([
  ["a hole", [whole[0]!, whole[2]!, whole[3]!], true, ["lost"]],
  ["a hole at the beginning", whole.slice(1), true, ["lost"]],
  ["less than there is, at the end", whole.slice(0, 3), true, ["lost"]],
  ["nothing, at the end", [], true, ["lost"]],
  ["one twice", [whole[0]!, whole[0]!, ...whole.slice(1)], true, ["doubled"]],
  ["one again later", [...whole, whole[1]!], true, ["doubled"]],
  ["two in the wrong order", [whole[0]!, whole[2]!, whole[1]!, whole[3]!], true, ["lost", "reordered"]],
  ["what is not there", [...whole, ...inOrder(unknown)], true, ["phantom"]],
  ["a message at another place", [{ ...whole[0]!, end: 4 }, ...whole.slice(1)], false, ["phantom", "lost"]],
])("a reader who has seen %s", (_what, messages, isComplete, kinds) => {
  expect(kindsOf({ readers: [{ reader: "r", from: 0, messages, isComplete }] })).toEqual(kinds);
});
