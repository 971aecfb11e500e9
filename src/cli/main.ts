#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import type { GetCommandOptions } from "./get.ts";
import { parseSeconds, parseSha256, parseUrl } from "./get/arguments.ts";
import type { PutCommandOptions } from "./put.ts";
import type { ServeCommandOptions } from "./serve.ts";
import { addRequestOptions } from "./request-options.ts";
import type { TailCommandOptions } from "./tail.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("sluice")
  .description("Streams anything too large or not yet finished over HTTP, in constant memory.")
  .version(version)
  .showHelpAfterError();

program
  .command("serve")
  .description("start the server")
  .addOption(
    new Option("--port <port>", "where to listen; 0 takes a free one").env("PORT").default(8000).argParser(parsePort),
  )
  .addOption(new Option("--host <host>", "on which of this machine's addresses").env("HOST").default("127.0.0.1"))
  .option("--config <file>", "a JSON file with settings and named queries; flags and the environment win over it")
  .addOption(
    new Option("--database <url>", "export its tables: sqlite:PATH, postgres://HOST/DATABASE, duckdb:PATH").env(
      "SLUICE_DATABASE",
    ),
  )
  .addOption(
    new Option("--log <url>", "have streams, kept in memory: or sqlite:PATH (Durable Streams, at /v1/stream/)").env(
      "SLUICE_LOG",
    ),
  )
  .option("--allow-sql", "let clients run statements that read, by POST /query")
  .option("--spool <dir>", "where resumable exports are kept, also when the server ends (default: spool, in --data)")
  .addOption(new Option("--max-rows <count>", "the most rows of any export").argParser(parseCount))
  .option("--files <dir>", "serve this folder's files at /files/")
  .option("--listing", "answer for its folders with their entries, as JSON")
  .option("--site", "show its pages in browsers; without it what could run as a script is saved instead")
  .option("--digests", "send Repr-Digest (SHA-256) with its files")
  .addOption(
    new Option("--etag <mode>", "what its entity tags are made of")
      .choices(["stat", "stat-portable", "sha256"])
      .default("stat"),
  )
  .option("--outside-symlinks", "follow its symbolic links out of the folder")
  .option("--demo", "serve the demo's routes, on data that is made once")
  .addOption(new Option("--data <dir>", "where what the server makes for itself is kept").default(".data"))
  .addOption(
    new Option("--demo-rows <count>", "rows of the demo's table; its text file has five lines for each")
      .default(1_000_000)
      .argParser(parseCount),
  )
  .action(async (options: ServeCommandOptions, command: Command) => {
    // Each command loads what it needs.
    const { runServe } = await import("./serve.ts");
    await runServe(options, (name) => (command.getOptionValueSource(name) ?? "default") === "default");
  });

addRequestOptions(
  program
    .command("get")
    .description("download a URL, whatever happens on the way; run again, it goes on where it was")
    .argument("<url>", "http: or https:", parseUrl)
    .option("-o, --output <file>", "where to; - for standard output (default: a name from the answer)")
    .option("--force", "replace the file where there is one")
    .option("--sha256 <hex>", "what the file's SHA-256 must be", parseSha256)
    .addOption(
      new Option("--connect-timeout <seconds>", "how long a connection may take").default(30).argParser(parseSeconds),
    ),
).action(async (url: URL, options: GetCommandOptions) => {
  const { runGet } = await import("./get.ts");
  await runGet(url, options);
});

addRequestOptions(
  program
    .command("tail")
    .description("print a stream's messages, or anybody's server-sent events, until it ends")
    .argument("<url>", "http: or https:", parseUrl)
    .option("--after <id>", "begin behind this event or offset; -1 is the beginning, now the end")
    .option("--json", "each event as a line of JSON: its id, its type, and its data"),
).action(async (url: URL, options: TailCommandOptions) => {
  const { runTail } = await import("./tail.ts");
  await runTail(url, options);
});

addRequestOptions(
  program
    .command("put")
    .description("append standard input to a stream, each line once, whatever happens on the way")
    .argument("<url>", "http: or https:", parseUrl)
    .addOption(new Option("--json", "the lines are JSON, each one a message").conflicts("type"))
    .option("--type <type>", "of the stream (default: what it is, or text/plain where it is made)", parseType)
    .option("--producer <id>", "who writes: a later run with the same id takes over")
    .option("--close", "close the stream when the input has ended"),
).action(async (url: URL, options: PutCommandOptions) => {
  const { runPut } = await import("./put.ts");
  await runPut(url, options);
});

await program.parseAsync();

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/u.test(text) || port > 65_535) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}

function parseType(text: string): string {
  if (!/^[\w.+-]+\/[\w.+-]+(?:\s*;[\x20-\x7e]*)?$/u.test(text))
    throw new InvalidArgumentError("A type is such as text/csv.");
  return text;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/u.test(text) || !Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError("A count is an integer ≥ 1.");
  return count;
}
