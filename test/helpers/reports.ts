import { type Report, setReporter } from "../../src/index.ts";
import { afterEach, beforeEach, expect } from "vitest";

export interface WatchedReports {
  all(): readonly Report[];
  /** Takes those of this code. */
  take(code: Report["code"]): Report[];
  takeAll(): Report[];
}

/** Collects the library's reports of each test. One that no test took fails the test. */
export function watchReports(): WatchedReports {
  let reports: Report[] = [];
  beforeEach(() => {
    reports = [];
    setReporter((report) => reports.push(report));
  });
  afterEach(() => expect(reports.map(({ code, message }) => `${code}: ${message}`)).toEqual([]));
  return {
    all: () => reports,
    takeAll() {
      const taken = reports;
      reports = [];
      return taken;
    },
    take(code) {
      const taken = reports.filter((report) => report.code === code);
      reports = reports.filter((report) => report.code !== code);
      return taken;
    },
  };
}
