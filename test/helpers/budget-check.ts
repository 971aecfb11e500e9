import { budget } from "../../src/index.ts";
import { afterEach } from "vitest";
import { until } from "./deadline.ts";

/** After every test of the file all memory that was granted has been given back. */
export function checkBudget(): void {
  afterEach(() => until(() => budget.usedBytes === 0, `giving back ${budget.usedBytes} granted bytes`));
}
