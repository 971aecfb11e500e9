import { expect, test } from "vitest";
import { exportNameOf, exportTarget, readingsOf } from "../../src/server/exports/export-name.ts";

test.each<[target: string, name: string | undefined]>([
  ["/export/orders.csv", "orders.csv"],
  ["/export/orders?format=csv", "orders"],
  ["/export/public.orders.csv", "public.orders.csv"],
  ["/export/a%2Fb%20%22%C3%B6%22.csv", 'a/b "ö".csv'],
  ["/export/%252F", "%2F"],
  ["http://host:1/export/orders", "orders"],
  ["/export/", undefined],
  ["/export", undefined],
  ["/export/a/b", undefined],
  ["/export/a/", undefined],
  ["/export/..", undefined],
  ["/export/%2e%2E", undefined],
  ["/export/.", undefined],
  ["/export/a\\b", undefined],
  ["/export/%zz", undefined],
  ["/export/%ff", undefined],
  ["/export/a%00", undefined],
  ["/exports/a", undefined],
  ["//export/a", undefined],
])("%s is %j", (target, name) => {
  expect(exportNameOf(target)).toBe(name);
});

test.each(["orders", "a/b", "data.csv", "ö ?#%&", "..", "%2F"])("the target of %j leads back to it", (name) => {
  expect(exportNameOf(exportTarget(name, "csv"))).toBe(`${name}.csv`);
});

test("the last extension of a format is cut off, unless the format is said otherwise", () => {
  const whole = { name: "a.b.CSV", format: undefined };
  const cut = { name: "a.b", format: "csv" };
  expect(readingsOf("a.b.CSV", false)).toEqual([cut, whole]);
  expect(readingsOf("a.b.CSV", true)).toEqual([whole, cut]);
  expect(readingsOf("a.b", false)).toEqual([{ name: "a.b", format: undefined }]);
  expect(readingsOf("a.csv.json", false)[0]).toEqual({ name: "a.csv", format: "json" });
});
