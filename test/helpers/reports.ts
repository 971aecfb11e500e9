import { type Report, setReporter } from "../../src/index.ts";
import { afterEach, beforeEach, expect } from "vitest";

/** Collects the library's reports of each test. One that no test took by its code fails the test. */
export function watchReports(): { take(code: Report["code"]): Report[]; all(): readonly Report[] } {
  let reports: Report[] = [];
  beforeEach(() => {
    reports = [];
    setReporter((report) => reports.push(report));
  });
  afterEach(() => expect(reports.map(({ code, message }) => `${code}: ${message}`)).toEqual([]));
  return {
    all: () => reports,
    take(code) {
      const taken = reports.filter((report) => report.code === code);
      reports = reports.filter((report) => report.code !== code);
      return taken;
    },
  };
}
