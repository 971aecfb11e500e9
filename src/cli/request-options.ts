import { type Command, Option } from "commander";
import { parseField, parseSeconds, parseWhole } from "./get/arguments.ts";

/** Flags of every command that asks a server for something, again and again if need be. */
export interface RequestCommandOptions {
  header: Headers;
  retries: number;
  /** In seconds, as the other times. */
  maxRetryDelay: number;
  stallTimeout: number;
}

export function addRequestOptions(command: Command): Command {
  return (
    command
      .addOption(
        new Option("-H, --header <field>", '"Name: value", sent with each request; repeatable')
          .default(new Headers(), "none")
          .argParser(parseField),
      )
      .addOption(
        new Option("--retries <count>", "failures in a row, without progress, that are tried again")
          .default(10)
          .argParser(parseWhole),
      )
      .addOption(
        new Option("--max-retry-delay <seconds>", "the longest wait between two attempts")
          .default(30)
          .argParser(parseSeconds),
      )
      .addOption(
        new Option("--stall-timeout <seconds>", "how long the server may send nothing")
          .default(60)
          .argParser(parseSeconds),
      )
      // What is wrong with the command line is told apart from what has failed.
      .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  );
}
