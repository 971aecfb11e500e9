import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

const packages = {
  "": { name: "project", devDependencies: { a: "^1.0.0" } },
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a", dev: true },
  "node_modules/b": { version: "1.0.0", integrity: "sha512-b", optional: true, os: ["another"] },
};

/** Stands in for npm: says what it was asked for, and installs as FAKE tells it to. */
const npm = `
  const { chmodSync, mkdirSync, rmSync, writeFileSync } = require("node:fs");
  const { FAKE, FAKE_NODE, npm_config_loglevel: loglevel } = process.env;
  writeFileSync("asked.json", JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), loglevel }));
  console.log("report of npm");
  if (FAKE === "refuses") process.exit(7);
  rmSync("node_modules", { recursive: true, force: true });
  mkdirSync("node_modules/.bin", { recursive: true });
  if (FAKE === "is killed") process.kill(process.pid, "SIGKILL");
  if (FAKE_NODE) {
    writeFileSync("node_modules/.bin/node", FAKE_NODE);
    chmodSync("node_modules/.bin/node", 0o755);
  }
  const installed = { "node_modules/a": { version: "1.0.0", integrity: "sha512-a", dev: true } };
  writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages: installed }));
`;

const node24 = "#!/bin/sh\necho v24.9.9\n";
let project: string;

beforeEach(() => {
  // A path with a space, as many a home folder has.
  project = join(mkdtempSync(join(tmpdir(), "sluice bootstrap ")), "project");
  write("package.json", "{}");
  write("package-lock.json", JSON.stringify({ packages }));
  write("npm-cli.js", npm);
  write("machine/node", "#!/bin/sh\necho v20.20.2\n");
  mkdirSync(join(project, "scripts"));
  cpSync(resolve(import.meta.dirname, "../../scripts/bootstrap.mjs"), join(project, "scripts/bootstrap.mjs"));
});
afterEach(() => rmSync(join(project, ".."), { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(join(project, file, ".."), { recursive: true });
  writeFileSync(join(project, file), text);
  chmodSync(join(project, file), 0o755);
}

/** Runs the script as npm does, on a Node that gives its version as `version`. */
function bootstrap(version: string, environment: Record<string, string> = {}) {
  const pretend = `Object.defineProperty(process, "version", { value: "${version}" })`;
  rmSync(join(project, "asked.json"), { force: true });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`--import=data:text/javascript,${encodeURIComponent(pretend)}`, join(project, "scripts/bootstrap.mjs")],
    {
      cwd: tmpdir(),
      encoding: "utf8",
      env: {
        PATH: [join(project, "machine"), "/usr/bin", "/bin"].join(delimiter),
        npm_execpath: join(project, "npm-cli.js"),
        npm_node_execpath: process.execPath,
        ...environment,
      },
    },
  );
  const asked = join(project, "asked.json");
  return {
    status,
    stdout,
    stderr,
    asked: existsSync(asked) ? (JSON.parse(readFileSync(asked, "utf8")) as unknown) : undefined,
  };
}

it("installs what is missing, dev dependencies too, by the npm that runs it, and is quiet on stdout", () => {
  const { asked, ...result } = bootstrap("v20.20.2", { FAKE_NODE: node24, NODE_ENV: "production" });
  expect(asked).toEqual({
    args: ["ci", "--include=dev", "--no-audit", "--no-fund"],
    cwd: project,
    loglevel: "error",
  });
  expect(result).toEqual({
    status: 0,
    stdout: "",
    stderr: "Installing the dependencies (npm ci) ...\nreport of npm\n",
  });
});

it("runs the npm of the machine where no npm runs it", () => {
  write("machine/npm", `#!/bin/sh\nexec "${process.execPath}" "${join(project, "npm-cli.js")}" "$@"\n`);
  const { status, asked } = bootstrap("v24.1.0", { npm_execpath: "/usr/lib/pnpm.cjs", FAKE_NODE: node24 });
  expect(status).toBe(0);
  expect(asked).toMatchObject({ cwd: project });
});

it("leaves npm the log level it was told", () => {
  const { asked } = bootstrap("v24.1.0", { npm_config_loglevel: "verbose", FAKE_NODE: node24 });
  expect(asked).toMatchObject({ loglevel: "verbose" });
});

it("does and says nothing when everything is installed", () => {
  bootstrap("v20.20.2", { FAKE_NODE: node24 });
  expect(bootstrap("v24.9.9")).toEqual({ status: 0, stdout: "", stderr: "", asked: undefined });
});

it.each([
  ["lists another version of a package", { "node_modules/a": { version: "1.0.1", integrity: "sha512-a2" } }],
  ["lists a package more", { "node_modules/c": { version: "1.0.0", integrity: "sha512-c" } }],
])("installs again when package-lock.json %s", (_, change) => {
  bootstrap("v24.1.0", { FAKE_NODE: node24 });
  write("package-lock.json", JSON.stringify({ packages: { ...packages, ...change } }));
  expect(bootstrap("v24.1.0", { FAKE_NODE: node24 }).asked).toBeDefined();
});

it("installs again after an install that was killed half-way", () => {
  expect(bootstrap("v24.1.0", { FAKE: "is killed" })).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("npm ci was killed by SIGKILL") as string,
  });
  expect(existsSync(join(project, "node_modules"))).toBe(true);
  expect(bootstrap("v24.1.0", { FAKE_NODE: node24 })).toMatchObject({ status: 0, asked: {} });
});

it("installs again after one that failed before it began, and hands on its exit code", () => {
  bootstrap("v24.1.0", { FAKE_NODE: node24 });
  write("package-lock.json", "{}");
  expect(bootstrap("v24.1.0", { FAKE: "refuses" })).toMatchObject({
    status: 7,
    stderr: expect.stringContaining("npm ci exited with 7") as string,
  });
  write("package-lock.json", JSON.stringify({ packages }));
  expect(bootstrap("v24.1.0", { FAKE_NODE: node24 })).toMatchObject({ status: 0, asked: {} });
});

it("says which Node is missing where install scripts are ignored, now and the next time", () => {
  const refusal =
    "Sluice needs Node 24 or newer, this is v20.20.2.\n" +
    "Install it from https://nodejs.org, or let npm bring it: npm ci --include=dev --ignore-scripts=false\n";
  const first = bootstrap("v20.20.2", { npm_config_ignore_scripts: "true" });
  expect(first).toMatchObject({ status: 1, asked: {}, stdout: "" });
  expect(first.stderr).toMatch(refusal);
  expect(bootstrap("v20.20.2")).toEqual({ status: 1, stdout: "", stderr: refusal, asked: undefined });
});

it("finds the Node that npm brought when it is itself started by an older one", () => {
  bootstrap("v20.20.2", { FAKE_NODE: node24 });
  expect(bootstrap("v20.20.2")).toEqual({ status: 0, stdout: "", stderr: "", asked: undefined });
});

it("takes a Node away that npm brought and that doesn't run here, for the machine's own", () => {
  write("machine/node", "#!/bin/sh\necho v26.0.0\n");
  const musl = "#!/lib/ld-from-another-system\n";
  expect(bootstrap("v26.0.0", { FAKE_NODE: musl })).toMatchObject({ status: 0 });
  expect(existsSync(join(project, "node_modules/.bin/node"))).toBe(false);
});

it("tells a Node that is too old to install with so, and installs nothing", () => {
  expect(bootstrap("v18.20.8")).toEqual({
    status: 1,
    stdout: "",
    stderr:
      "Sluice needs Node 24 or newer, this is v18.20.8.\n" +
      "Install it from https://nodejs.org. (From Node 20 on, npm brings it by itself.)\n",
    asked: undefined,
  });
});
