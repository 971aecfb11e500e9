/** A server of exports, plain and under TLS, whose queries a test can look into. */
import type { RowQuery, RowStream, RowsInit, RowsOutcome } from "../../../src/index.ts";
import { rowsResponse } from "../../../src/index.ts";
import { type RunningServer, serve } from "../../../src/node/index.ts";
import { selfSigned } from "../../helpers/certificate.ts";

export interface Exports extends AsyncDisposable {
  readonly plain: RunningServer;
  readonly secure: RunningServer;
  /** Outcomes since they were last taken. */
  readonly outcomes: RowsOutcome[];
  /** The rows of every query that was opened, since they were last taken. */
  readonly streams: RowStream[];
  url(reader: { readonly tls: boolean }, path?: string): string;
}

/** @param queryOf - the query that a path is answered with */
export async function startExports(queryOf: (path: string) => RowQuery, init: RowsInit = {}): Promise<Exports> {
  const outcomes: RowsOutcome[] = [];
  const streams: RowStream[] = [];
  const handler = (request: Request): Promise<Response> => {
    const query = queryOf(new URL(request.url).pathname);
    return rowsResponse(request, watched(query, streams), {
      format: "csv",
      ...init,
      onFinish: (outcome) => void outcomes.push(outcome),
    });
  };
  const plain = await serve(handler, { port: 0 });
  const secure = await serve(handler, { port: 0, tls: selfSigned() });
  return {
    plain,
    secure,
    outcomes,
    streams,
    url: ({ tls }, path = "/") => `${(tls ? secure : plain).url}${path}`,
    async [Symbol.asyncDispose]() {
      await plain.destroy();
      await secure.destroy();
    },
  };
}

function watched(query: RowQuery, streams: RowStream[]): RowQuery {
  return {
    describe: (signal) => query.describe(signal),
    async open(request, signal) {
      const rows = await query.open(request, signal);
      streams.push(rows);
      return rows;
    },
  };
}

/** The rows `1,"1"`, `2,"1"` …, as far as they go, with a header. */
export function countingCsv(rows: number): Buffer {
  const lines = Array.from({ length: rows }, (_, index) => `${index + 1},"1"\r\n`);
  return Buffer.from(`"i","ok"\r\n${lines.join("")}`);
}

export const isPrefix = (part: Buffer, whole: Buffer): boolean => whole.subarray(0, part.length).equals(part);
