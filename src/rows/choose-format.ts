import { HttpError } from "../errors.ts";
import { essence } from "../http/headers.ts";
import { parseWeights } from "../http/negotiation.ts";
import type { RowFormatName } from "./row-format.ts";
import { ROW_FORMATS } from "./row-formats.ts";

export interface ChosenFormat {
  readonly name: RowFormatName;
  /** Whether `Accept` had a say: caches must know. */
  readonly byAccept: boolean;
}

/**
 * The format that a request asks for: by its path's extension, else by `?format=`, else by `Accept` (RFC 9110 §12.5.1), whose
 * highest weight wins, and among equals the first that is offered.
 *
 * @param offered - best first
 * @throws HttpError 406, which lists the choices; 400 for a `?format=` that is none
 */
export function chooseFormat(request: Request, offered: readonly RowFormatName[]): ChosenFormat {
  const url = new URL(request.url);
  const byPath = formatOfPath(url.pathname);
  if (byPath) return { name: checkOffered(byPath, offered), byAccept: false };
  const asked = url.searchParams.get("format");
  if (asked !== null) {
    const byName = formatOfExtension(asked);
    if (!byName)
      throw new HttpError(400, `format is one of ${offered.join(", ")}; got ${JSON.stringify(asked.slice(0, 50))}`);
    return { name: checkOffered(byName, offered), byAccept: false };
  }
  return { name: byAccept(request.headers.get("Accept"), offered), byAccept: true };
}

/** The format whose extension a path ends in. */
export function formatOfPath(path: string): RowFormatName | undefined {
  const extension = /\.(\w+)$/u.exec(path)?.[1];
  return extension === undefined ? undefined : formatOfExtension(extension);
}

function formatOfExtension(extension: string): RowFormatName | undefined {
  const wanted = extension.toLowerCase();
  return entries().find(([, { extensions }]) => extensions.includes(wanted))?.[0];
}

function byAccept(field: string | null, offered: readonly RowFormatName[]): RowFormatName {
  if (field === null || field.trim() === "") return offered[0]!;
  const weights = parseWeights(field);
  const weigh = (name: RowFormatName): number => {
    const { mediaType, otherTypes } = ROW_FORMATS[name];
    const types = [essence(mediaType), ...otherTypes];
    const named = types.map((type) => weights.get(type)).find((weight) => weight !== undefined);
    // RFC 9110 §12.5.1: the most specific range counts.
    return named ?? weights.get(`${types[0]!.split("/")[0]}/*`) ?? weights.get("*/*") ?? 0;
  };
  let best: RowFormatName | undefined;
  for (const name of offered) if (weigh(name) > (best ? weigh(best) : 0)) best = name;
  if (best) return best;
  throw notAcceptable(offered);
}

function checkOffered(name: RowFormatName, offered: readonly RowFormatName[]): RowFormatName {
  if (offered.includes(name)) return name;
  throw notAcceptable(offered);
}

function notAcceptable(offered: readonly RowFormatName[]): HttpError {
  const choices = offered.map((name) => `${name} (${essence(ROW_FORMATS[name].mediaType)})`);
  return new HttpError(406, `The rows can be had as ${choices.join(", ")}`);
}

function entries(): [RowFormatName, (typeof ROW_FORMATS)[RowFormatName]][] {
  return Object.entries(ROW_FORMATS) as [RowFormatName, (typeof ROW_FORMATS)[RowFormatName]][];
}
