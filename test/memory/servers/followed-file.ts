/** Follows one file, until another is there: `{ path, until }`. */
import { fileResponse } from "../../../src/index.ts";
import { childArgument, runServer } from "../../faults/support/child-server.ts";

const { path, until } = childArgument() as { path: string; until: string };

await runServer((request) => fileResponse(request, path, { follow: { until } }));
