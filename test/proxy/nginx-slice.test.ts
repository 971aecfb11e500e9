import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sluice } from "../cli/sluice.ts";
import { MIB, untilSettled, writeRandom } from "../clients/support/big-file.ts";
import { type CurlResult, curl } from "../helpers/curl.ts";
import { until } from "../helpers/deadline.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { nginxPath } from "./nginx.ts";

const missing = whyMissing();
if (missing) console.log(`Skipped: ${missing}, so nothing is tested behind a cache of slices`);

const SIZE_BYTES = 8 * MIB + 12_345;

describe.skipIf(missing)("nginx as a cache of slices", () => {
  const folder = temporaryFolder();
  const files = join(folder.path, "files");
  let sluice: Sluice;
  let nginx: Nginx;

  beforeAll(async () => {
    mkdirSync(files);
    for (const name of ["kept", "same", "shorter", "longer", "sent"]) await writeRandom(join(files, name), SIZE_BYTES);
    sluice = new Sluice(["serve", "--files", files, "--port", "0"]);
    nginx = await Nginx.start(join(folder.path, "nginx"), await sluice.listening());
    await untilSettled();
  });
  afterAll(async () => {
    await nginx.stop();
    await sluice[Symbol.asyncDispose]();
  });

  const slice = (index: number): string => `bytes=${index * MIB}-${(index + 1) * MIB - 1}`;
  /** The ranges of `target` that nginx asked for. */
  const asked = (target: string): unknown[] =>
    sluice.log.filter((line) => line["target"] === target).map(({ range, status }) => [range, status]);
  async function expectAsked(target: string, slices: readonly number[]): Promise<void> {
    await until(() => asked(target).length >= slices.length, `the log's ${slices.length} lines`);
    expect(asked(target)).toEqual(slices.map((index) => [slice(index), 206]));
  }

  test("gives the file whole, from Sluice and then from the cache", async () => {
    const bytes = readFileSync(join(files, "kept"));
    for (const cacheStatus of ["MISS", "HIT"]) {
      const answer = await nginx.get("/files/kept");
      expect([answer.exitCode, answer.status, answer.cacheStatus]).toEqual([0, 200, cacheStatus]);
      expect(answer.body.equals(bytes)).toBe(true);
      await expectAsked("/files/kept", [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
  });

  test.each([
    [`${3 * MIB - 5}-${3 * MIB + 4}`, [2, 3]],
    [`${SIZE_BYTES - 1}-`, [8]],
    ["0-0", [0]],
    [`${MIB}-${4 * MIB - 1}`, [1, 2, 3]],
  ])("gives bytes %s, and asks Sluice for the slices that they lie in", async (range, slices) => {
    const [from = 0, to = SIZE_BYTES - 1] = range.split("-").filter(Boolean).map(Number);
    const bytes = readFileSync(join(files, "kept")).subarray(from, to + 1);
    // Cached for itself.
    const target = `/files/kept?${range}`;
    for (const cacheStatus of ["MISS", "HIT"]) {
      const answer = await nginx.get(target, "-r", range);
      expect([answer.exitCode, answer.status, answer.cacheStatus]).toEqual([0, 206, cacheStatus]);
      expect(answer.head).toContain(`Content-Range: bytes ${from}-${to}/${SIZE_BYTES}`);
      expect(answer.body.equals(bytes)).toBe(true);
      await expectAsked(target, slices);
    }
  });

  test.concurrent.each([
    ["of the same length", "same", SIZE_BYTES],
    ["that is shorter", "shorter", SIZE_BYTES - 2 * MIB],
    ["that is longer", "longer", SIZE_BYTES + 2 * MIB],
  ])(
    "cuts an answer, and joins no slices of two files, where there is another file %s",
    async (_how, name, byteLength) => {
      const [file, target] = [join(files, name), `/files/${name}`];
      const before = readFileSync(file);
      const kept = await nginx.get(target, "-r", `0-${2 * MIB - 1}`);
      expect([kept.exitCode, kept.status]).toEqual([0, 206]);
      await writeRandom(file, byteLength);
      await untilSettled();

      const mixed = await nginx.get(target);
      expect(mixed.exitCode).toBe(18);
      expect(before.subarray(0, mixed.body.length).equals(mixed.body)).toBe(true);
      // What is of one file may be joined.
      const old = await nginx.get(target, "-r", `5-${2 * MIB - 1}`);
      expect([old.exitCode, old.status, old.cacheStatus]).toEqual([0, 206, "HIT"]);
      expect(before.subarray(5, 2 * MIB).equals(old.body)).toBe(true);
      const fresh = await nginx.get(target, "-r", `${3 * MIB}-${5 * MIB}`);
      expect([fresh.exitCode, fresh.status]).toEqual([0, 206]);
      expect(
        readFileSync(file)
          .subarray(3 * MIB, 5 * MIB + 1)
          .equals(fresh.body),
      ).toBe(true);
    },
  );

  test.concurrent("cuts an answer where slices were kept while the file was so young that its tag was weak", async () => {
    await writeRandom(join(files, "young"), SIZE_BYTES);
    const young = await nginx.get("/files/young", "-r", "0-9");
    expect([young.exitCode, young.status]).toEqual([0, 206]);
    expect(young.head).toMatch(/^etag: W\/"/imu);
    await untilSettled();
    const later = await nginx.get("/files/young");
    expect(later.exitCode).toBe(18);
  });

  test("joins none either where the file is replaced while it is sent", async () => {
    const file = join(files, "sent");
    const before = readFileSync(file);
    const slow = nginx.get("/files/sent", "--limit-rate", "4M");
    await until(() => asked("/files/sent").length > 0, "the first slice");
    await writeRandom(file, SIZE_BYTES);
    const { exitCode, body } = await slow;
    const isWhole = exitCode === 0 && body.length === SIZE_BYTES;
    expect(isWhole || exitCode === 18).toBe(true);
    expect(before.subarray(0, body.length).equals(body)).toBe(true);
  });
});

interface CachedAnswer extends CurlResult {
  readonly head: string;
  readonly cacheStatus: string | undefined;
}

/** An nginx that keeps 1 MiB each, and listens on a socket in its folder. */
class Nginx {
  readonly #folder: string;
  readonly #child: ChildProcess;
  #answers = 0;

  static async start(folder: string, upstream: string): Promise<Nginx> {
    mkdirSync(folder);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${join(folder, name)};`)
      .join(" ");
    // Sluice says no-cache: ask before each use. Whoever keeps its answers all the same has to say so.
    writeFileSync(
      join(folder, "nginx.conf"),
      `worker_processes 1; master_process off; daemon off; pid ${join(folder, "pid")}; error_log stderr;
      events { worker_connections 64; }
      http { access_log off; ${temporary}
        proxy_cache_path ${join(folder, "cache")} keys_zone=slices:1m;
        server { listen unix:${join(folder, "socket")}; location / {
          slice 1m; proxy_cache slices; proxy_cache_key $uri$is_args$args$slice_range;
          proxy_set_header Range $slice_range; proxy_http_version 1.1; proxy_set_header Connection '';
          proxy_cache_valid 200 206 1h; proxy_ignore_headers Cache-Control;
          add_header X-Cache-Status $upstream_cache_status always; proxy_pass ${upstream}; } } }`,
    );
    const nginx = new Nginx(folder);
    await until(() => existsSync(join(folder, "pid")) || nginx.#child.exitCode !== null, "nginx listening");
    expect(nginx.#child.exitCode).toBe(null);
    return nginx;
  }

  constructor(folder: string) {
    this.#folder = folder;
    this.#child = spawn(nginxPath!, ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"], {
      stdio: "ignore",
    });
  }

  async get(path: string, ...options: string[]): Promise<CachedAnswer> {
    const fields = join(this.#folder, `fields-${++this.#answers}`);
    const answer = await curl(
      `http://localhost${path}`,
      "--unix-socket",
      join(this.#folder, "socket"),
      "-D",
      fields,
      ...options,
    );
    const head = readFileSync(fields, "latin1");
    return { ...answer, head, cacheStatus: /^X-Cache-Status: (\S+)/mu.exec(head)?.[1] };
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGQUIT");
    await ended;
  }
}

function whyMissing(): string | undefined {
  if (!nginxPath) return "nginx is not installed (Debian: nginx-light)";
  return spawnSync(nginxPath, ["-V"], { encoding: "utf8" }).stderr.includes("http_slice_module")
    ? undefined
    : "this nginx has no slice module";
}
