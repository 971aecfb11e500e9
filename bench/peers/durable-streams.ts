/** The protocol's reference server for Node, as its README shows it. */
import { DurableStreamTestServer } from "@durable-streams/server";
import { emptyFolder, hostname, logKind, port } from "./streams-data.ts";

const store = logKind === "memory" ? {} : { dataDir: emptyFolder() };
const server = new DurableStreamTestServer({ port, host: hostname, ...store });
await server.start();
