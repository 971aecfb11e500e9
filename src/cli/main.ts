#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { type ServeCommandOptions, runServe } from "./serve.ts";

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
  .option("--demo", "serve the demo's routes, on data that is made once")
  .addOption(new Option("--data <dir>", "where the demo's data is kept").default(".data"))
  .addOption(
    new Option("--demo-rows <count>", "rows of the demo's table; its text file has five lines for each")
      .default(1_000_000)
      .argParser(parseCount),
  )
  .action((options: ServeCommandOptions) => runServe(options));

await program.parseAsync();

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/u.test(text) || port > 65_535) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/u.test(text) || !Number.isSafeInteger(count) || count < 1)
    throw new InvalidArgumentError("A count is an integer ≥ 1.");
  return count;
}
