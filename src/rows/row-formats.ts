import { csv } from "./formats/csv.ts";
import type { RowFormat } from "./row-format.ts";

/** The formats that rows can be sent in, by the name they are asked for with. */
export const ROW_FORMATS: Readonly<Record<RowFormatName, RowFormat>> = { csv };

export type RowFormatName = "csv";
