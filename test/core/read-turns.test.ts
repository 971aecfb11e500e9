import { expect, test } from "vitest";
import { endReadTurn, takeReadTurn } from "../../src/core/read-turns.ts";

test("three read at a time, the others in the order they came", () => {
  const begun: number[] = [];
  for (let index = 0; index < 6; index++) takeReadTurn(() => begun.push(index));
  expect(begun).toEqual([0, 1, 2]);
  endReadTurn();
  expect(begun).toEqual([0, 1, 2, 3]);
  for (let index = 0; index < 5; index++) endReadTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});

test("a hundred thousand who do not want their turn any more are passed over without a stack of them", () => {
  for (let index = 0; index < 3; index++) takeReadTurn(() => {});
  let passed = 0;
  for (let index = 0; index < 100_000; index++) {
    takeReadTurn(() => {
      passed++;
      endReadTurn();
    });
  }
  endReadTurn();
  expect(passed).toBe(100_000);
  endReadTurn();
  endReadTurn();
});
