import { optionError } from "../http/response-options.ts";
import { csv } from "./formats/csv.ts";
import { json, jsonLines } from "./formats/json-lines.ts";
import { parquet } from "./formats/parquet.ts";
import { tsv } from "./formats/tsv.ts";
import type { ResolvedRowFormatOptions, RowFormat, RowFormatName, RowFormatOptions } from "./row-format.ts";

/** The formats that rows can be sent in, by the name they are asked for with. The first is for those who don't mind. */
export const ROW_FORMATS: Readonly<Record<RowFormatName, RowFormat>> = { csv, tsv, ndjson: jsonLines, json, parquet };

export const ROW_FORMAT_NAMES = Object.keys(ROW_FORMATS) as readonly RowFormatName[];

const DEFAULTS: ResolvedRowFormatOptions = {
  profile: "plain",
  header: true,
  eol: "crlf",
  null: "",
  sep: false,
  bytes: "base64",
  bigint: "number",
  nonFinite: "string",
  timeZone: "UTC",
};

const CHOICES: Partial<Record<keyof RowFormatOptions, readonly unknown[]>> = {
  profile: ["plain", "excel"],
  header: [true, false],
  eol: ["crlf", "lf"],
  sep: [true, false],
  bytes: ["base64", "hex"],
  bigint: ["number", "string"],
  nonFinite: ["string", "null"],
};

/** All defaults, in one place. @throws SluiceTypeError `ERR_INVALID_OPTION` */
export function resolveRowFormatOptions(options: RowFormatOptions = {}): ResolvedRowFormatOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, name))
      throw optionError("options", `made of ${Object.keys(DEFAULTS).join(", ")}`, name);
    const choices = CHOICES[name as keyof RowFormatOptions];
    if (choices && !choices.includes(value)) throw optionError(name, `one of ${choices.join(", ")}`, value);
  }
  const resolved: ResolvedRowFormatOptions = { ...DEFAULTS, ...given };
  if (typeof resolved.null !== "string" || resolved.null.length > 32 || /[",\r\n\0]/u.test(resolved.null)) {
    throw optionError("null", "a text of up to 32 characters without quotes, commas and line ends", resolved.null);
  }
  if (typeof resolved.timeZone !== "string" || !/^[A-Za-z0-9_+/-]{1,64}$/u.test(resolved.timeZone)) {
    throw optionError("timeZone", "a time zone's IANA name, as in Europe/Paris", resolved.timeZone);
  }
  return resolved;
}
