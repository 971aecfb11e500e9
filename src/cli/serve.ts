import { type EtagMode, type RowsOutcome, directory } from "../index.ts";
import { type RunningServer, serve } from "../node/index.ts";
import { createLogger, logAnswer, reportTo } from "../server/access-log.ts";
import { FILES_PREFIX, STREAMS_PREFIX, createApp } from "../server/app.ts";
import { ConfigError } from "../server/config/config-error.ts";
import type { Config } from "../server/config/read-config.ts";
import { type GivenSettings, type Settings, resolveSettings } from "../server/config/settings.ts";
import { type DemoData, prepareDemoData } from "../server/demo-data.ts";
import { toText } from "../server/demo-index.ts";
import { type Demo, createDemo } from "../server/demo.ts";
import { type Exports, openExports } from "../server/exports/open-exports.ts";
import { closeOnSignal } from "../server/lifecycle.ts";
import { Metrics } from "../server/metrics.ts";
import { nodeRequestOf } from "../server/node-request.ts";
import { openStreams } from "../server/streams/open-streams.ts";
import { showProgress } from "../server/progress.ts";
import { describeExports } from "../server/startup-message.ts";

export interface ServeCommandOptions extends GivenSettings {
  config?: string;
  demo?: boolean;
  demoRows: number;
  listing?: boolean;
  digests?: boolean;
  etag: EtagMode;
  outsideSymlinks?: boolean;
  site?: boolean;
}

const GRACE_MS = 10_000;

/**
 * Serves until a signal comes; then the process ends with 0, or with 1 where it could not start.
 *
 * @param isDefault - whether neither a flag nor the environment has given the option
 */
export async function runServe(
  options: ServeCommandOptions,
  isDefault: (name: keyof GivenSettings) => boolean,
): Promise<void> {
  const logger = createLogger();
  reportTo(logger);
  const metrics = new Metrics();
  /** What there is to log of an export, by its request, until the answer has ended. */
  const exported = new WeakMap<object, RowsOutcome>();

  const settings = await orGiveUp(async () => {
    const file = options.config === undefined ? undefined : await readFile(options.config);
    return resolveSettings(options, isDefault, file);
  });
  const demo = options.demo ? await startDemo(options, settings) : undefined;
  const files = settings.files === undefined ? undefined : openFolder(settings.files, options);
  const exports = await orGiveUp(() =>
    openExports(settings, demo?.database, {
      onExport: (request, outcome) => {
        metrics.exported(outcome);
        exported.set(nodeRequestOf(request) ?? request, outcome);
      },
      onRefused: (_request, format) => metrics.refused(format),
    }),
  );
  if (exports) metrics.watch(exports.database);
  const log = await orGiveUp(() => openStreams(settings));
  const app = createApp({ demo: demo?.app, files, exports: exports?.app, streams: log?.streams, metrics });
  let server: RunningServer;
  try {
    server = await serve((request) => app.fetch(request), {
      port: settings.port,
      hostname: settings.host,
      onResult: (result) => {
        metrics.answered(result);
        logAnswer(logger, result, exported.get(result.request));
      },
    });
  } catch (error) {
    return giveUp(explain(error as NodeJS.ErrnoException, settings));
  }
  logger.info({ url: server.url }, "listening");
  console.error(greeting(server.url, settings, demo, exports));
  await closeOnSignal(server, { logger, graceMs: GRACE_MS, onClosing: () => void log?.streams.close() });
  await exports?.[Symbol.asyncDispose]();
  await log?.[Symbol.asyncDispose]();
  await demo?.[Symbol.asyncDispose]();
  // A source that does not end must not keep the process.
  process.exit(0);
}

/** What checks a file is loaded where there is one. */
async function readFile(path: string): Promise<Config> {
  const { readConfig } = await import("../server/config/read-config.ts");
  return readConfig(path);
}

function greeting(url: string, settings: Settings, demo: Demo | undefined, exports: Exports | undefined): string {
  const { files } = settings;
  const lines = [`Sluice listens on ${url} (Ctrl-C ends it).`];
  if (files !== undefined) lines.push(`${url}${FILES_PREFIX}/ is the folder ${files}.`);
  if (settings.log !== undefined) lines.push(`${url}${STREAMS_PREFIX}/ has streams, kept in ${settings.log}.`);
  if (exports && settings.database !== undefined)
    lines.push(describeExports(url, settings, exports.exportables, exports.runs));
  if (demo) lines.push("", toText(url, settings.database === undefined));
  if (lines.length === 1)
    lines.push("There is nothing but /healthz and /metrics without --database, --files, --log or --demo.");
  return lines.join("\n");
}

async function orGiveUp<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigError) return giveUp(error.message);
    throw error;
  }
}

function openFolder(folder: string, options: ServeCommandOptions): (request: Request) => Promise<Response> {
  const { listing = false, digests = false, etag, outsideSymlinks = false, site = false } = options;
  try {
    const disposition = site ? "inline" : "safe";
    return directory(folder, {
      prefix: FILES_PREFIX,
      follow: true,
      listing,
      digests,
      etag,
      outsideSymlinks,
      disposition,
    });
  } catch (error) {
    return giveUp(`--files: ${(error as Error).message}`);
  }
}

async function startDemo({ data, demoRows }: ServeCommandOptions, { database }: Settings): Promise<Demo> {
  let made: DemoData;
  try {
    made = await prepareDemoData(data, {
      rows: demoRows,
      onProgress: (total) => showProgress(`Making the demo's data, once, in ${data}`, total),
    });
  } catch (error) {
    return giveUp(`The demo's data could not be made in ${data}: ${(error as Error).message}`);
  }
  return createDemo(made, database === undefined);
}

function explain(error: NodeJS.ErrnoException, { port, host }: Settings): string {
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
