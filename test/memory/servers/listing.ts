/** Lists a folder: its path is the argument. */
import { directory } from "../../../src/index.ts";
import { childArgument, runServer } from "../../faults/support/child-server.ts";

await runServer(directory(childArgument() as string, { listing: true }));
