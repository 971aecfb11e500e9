import { streamingResponse } from "../../index.ts";
import type { Column } from "../../rows/column.ts";
import type { RowFormatName } from "../../rows/row-format.ts";
import { ROW_FORMATS, ROW_FORMAT_NAMES } from "../../rows/row-formats.ts";
import type { NamedQuery } from "../config/named-queries.ts";
import type { Exportable } from "./catalog.ts";
import { exportTarget } from "./export-name.ts";

/** What can be exported, as a JSON array with one entry a line. */
export function tablesResponse(exportables: readonly Exportable[]): Response {
  return streamingResponse(() => toJson(exportables), {
    mediaType: "application/json",
    headers: { "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff" },
  });
}

function* toJson(exportables: readonly Exportable[]): Generator<string> {
  yield "[";
  for (const [index, exportable] of exportables.entries()) {
    yield `${index === 0 ? "\n" : ",\n"}${JSON.stringify("query" in exportable ? ofQuery(exportable) : ofTable(exportable))}`;
  }
  yield "\n]\n";
}

function ofTable({ table }: Extract<Exportable, { table: unknown }>): object {
  const { name, kind, columns, estimatedRows } = table;
  return { name, kind, columns: columns.map(ofColumn), estimatedRows, formats: formatsOf(name, ROW_FORMAT_NAMES) };
}

function ofQuery({ query }: Extract<Exportable, { query: unknown }>): object {
  const { name, description, columns, parameters, formats = ROW_FORMAT_NAMES } = query;
  const params = ofParameters(parameters);
  return {
    name,
    kind: "query",
    description,
    columns: columns.map(ofColumn),
    params,
    formats: formatsOf(name, formats),
  };
}

function ofColumn({ name, type, declared }: Column): object {
  return { name, type, declared };
}

function ofParameters(parameters: NamedQuery["parameters"]): object {
  return Object.fromEntries(
    [...parameters].map(([name, { type, description, choices, default: value }]) => {
      const required = value === undefined;
      const shown = typeof value === "bigint" ? String(value) : value;
      return [name, { type, description, required, default: shown, enum: choices }];
    }),
  );
}

/** Where each format is had. */
function formatsOf(name: string, formats: readonly RowFormatName[]): Record<string, string> {
  return Object.fromEntries(formats.map((format) => [format, exportTarget(name, ROW_FORMATS[format].extensions[0]!)]));
}
