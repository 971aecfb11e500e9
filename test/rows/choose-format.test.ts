import { expect, test } from "vitest";
import { chooseFormat } from "../../src/rows/choose-format.ts";
import { ROW_FORMAT_NAMES } from "../../src/rows/row-formats.ts";

const ask = (url: string, accept?: string): Request =>
  new Request(`http://x${url}`, accept === undefined ? {} : { headers: { Accept: accept } });

test.each<[url: string, accept: string | undefined, name: string, byAccept: boolean]>([
  ["/export/t.csv", "application/json", "csv", false],
  ["/export/t.TSV?format=json", undefined, "tsv", false],
  ["/export/t.jsonl", undefined, "ndjson", false],
  ["/export/t.ndjson", undefined, "ndjson", false],
  ["/export/t.parquet", undefined, "parquet", false],
  ["/export/t?format=json", "text/csv", "json", false],
  ["/export/schema.t?format=jsonl", undefined, "ndjson", false],
  ["/export/t", undefined, "csv", true],
  ["/export/t", "*/*", "csv", true],
  ["/export/t", "application/json", "json", true],
  ["/export/t", "application/x-ndjson", "ndjson", true],
  ["/export/t", "application/jsonl", "ndjson", true],
  ["/export/t", "text/csv;q=0.5, application/json;q=0.9", "json", true],
  ["/export/t", "text/csv;q=0.9, application/json;q=0.9", "csv", true],
  ["/export/t", "text/*", "csv", true],
  ["/export/t", "text/*;q=0.5, text/tab-separated-values", "tsv", true],
  ["/export/t", "text/csv;q=0, */*;q=0.1", "tsv", true],
  ["/export/t", "application/vnd.apache.parquet, */*;q=0.1", "parquet", true],
  ["/export/t", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "csv", true],
])("%s with Accept %s is %s", (url, accept, name, byAccept) => {
  expect(chooseFormat(ask(url, accept), ROW_FORMAT_NAMES)).toEqual({ name, byAccept });
});

test.each([
  ["/export/t", "image/png"],
  ["/export/t", "text/csv;q=0"],
  ["/export/t.parquet", undefined],
  ["/export/t?format=parquet", undefined],
])("%s with Accept %s is none of the choices: 406, which lists them", (url, accept) => {
  const offered = ROW_FORMAT_NAMES.filter((name) => name !== "parquet");
  expect(() => chooseFormat(ask(url, accept), offered)).toThrow(
    expect.objectContaining({ status: 406, message: expect.stringContaining("csv (text/csv)") as string }) as Error,
  );
});

test("a format that there is not is a mistake of the one who asks: 400", () => {
  expect(() => chooseFormat(ask("/t?format=xls"), ROW_FORMAT_NAMES)).toThrow(
    expect.objectContaining({ status: 400, message: expect.stringContaining('got "xls"') as string }) as Error,
  );
});
