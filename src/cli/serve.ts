import { type RunningServer, serve } from "../node/index.ts";
import { createLogger, logAnswer, reportTo } from "../server/access-log.ts";
import { type EtagMode, directory } from "../index.ts";
import { FILES_PREFIX, createApp } from "../server/app.ts";
import { type DemoData, prepareDemoData } from "../server/demo-data.ts";
import { toText } from "../server/demo-index.ts";
import { type Demo, createDemo } from "../server/demo.ts";
import { closeOnSignal } from "../server/lifecycle.ts";
import { showProgress } from "../server/progress.ts";

export interface ServeCommandOptions {
  port: number;
  host: string;
  demo?: boolean;
  data: string;
  demoRows: number;
  files?: string;
  listing?: boolean;
  digests?: boolean;
  etag: EtagMode;
  outsideSymlinks?: boolean;
  site?: boolean;
}

const GRACE_MS = 10_000;

/** Serves until a signal comes; then the process ends with 0, or with 1 where it could not start. */
export async function runServe(options: ServeCommandOptions): Promise<void> {
  const logger = createLogger();
  reportTo(logger);
  const demo = options.demo ? await startDemo(options) : undefined;
  const files = options.files === undefined ? undefined : openFolder(options.files, options);
  const app = createApp({ demo: demo?.app, files });
  let server: RunningServer;
  try {
    server = await serve((request) => app.fetch(request), {
      port: options.port,
      hostname: options.host,
      onResult: (result) => logAnswer(logger, result),
    });
  } catch (error) {
    return giveUp(explain(error as NodeJS.ErrnoException, options));
  }
  logger.info({ url: server.url }, "listening");
  console.error(`Sluice listens on ${server.url} (Ctrl-C ends it).`);
  if (files) console.error(`${server.url}${FILES_PREFIX}/ is the folder ${options.files}.`);
  if (demo) console.error(`\n${toText(server.url)}`);
  if (!files && !demo) console.error("There is nothing but /healthz without --files or --demo.");
  await closeOnSignal(server, { logger, graceMs: GRACE_MS });
  await demo?.[Symbol.asyncDispose]();
  // A source that does not end must not keep the process.
  process.exit(0);
}

function openFolder(folder: string, options: ServeCommandOptions): (request: Request) => Promise<Response> {
  const { listing = false, digests = false, etag, outsideSymlinks = false, site = false } = options;
  try {
    const disposition = site ? "inline" : "safe";
    return directory(folder, { prefix: FILES_PREFIX, listing, digests, etag, outsideSymlinks, disposition });
  } catch (error) {
    return giveUp(`--files: ${(error as Error).message}`);
  }
}

async function startDemo({ data, demoRows }: ServeCommandOptions): Promise<Demo> {
  let made: DemoData;
  try {
    made = await prepareDemoData(data, {
      rows: demoRows,
      onProgress: (total) => showProgress(`Making the demo's data, once, in ${data}`, total),
    });
  } catch (error) {
    return giveUp(`The demo's data could not be made in ${data}: ${(error as Error).message}`);
  }
  return createDemo(made);
}

function explain(error: NodeJS.ErrnoException, { port, host }: ServeCommandOptions): string {
  switch (error.code) {
    case "EADDRINUSE":
      return `Port ${port} of ${host} is in use. Choose another: --port ${port + 1}, or PORT=${port + 1}; --port 0 takes a free one.`;
    case "EACCES":
      return `Port ${port} of ${host} is not ours to use. Choose one above 1023: --port 8000.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${host} is no address of this machine. Choose another: --host 127.0.0.1, or 0.0.0.0 for all.`;
    default:
      return `The server could not start: ${error.message}`;
  }
}

function giveUp(message: string): never {
  console.error(`sluice: ${message}`);
  process.exit(1);
}
