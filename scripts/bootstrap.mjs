/**
 * Runs before the scripts of package.json: brings the dependencies, and with them Node 24 (the dev dependency `node`).
 * It does so when package-lock.json and what is installed differ, and says and does nothing when they don't.
 *
 * It stands inside the scripts and not before them (`prestart`), because npm skips those where `ignore-scripts` is set.
 * The scripts say `exec env node`: a shell remembers where it found `node`, `env` finds the one that has just come.
 *
 * This file is run by whatever Node the machine has: it imports nothing but Node, and keeps to syntax of Node 14.
 */
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED = 24;
const NEEDED_TO_INSTALL = 20;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = path.join(root, "node_modules", ".bin");
// npm writes this one last, so a half-made node_modules has none.
const installedLock = path.join(root, "node_modules", ".package-lock.json");

/** @param {string} version as in `v24.1.0` */
const major = (version) => Number.parseInt(version.slice(1), 10);

/** @param {string} lock */
const packagesIn = (lock) => JSON.parse(fs.readFileSync(lock, "utf8")).packages;

function isInstalled() {
  try {
    const installed = packagesIn(installedLock);
    // "" is the project itself; what is optional may be meant for another platform.
    return Object.entries(packagesIn(path.join(root, "package-lock.json"))).every(
      ([place, { integrity, optional }]) => place === "" || optional || installed[place]?.integrity === integrity,
    );
  } catch {
    return false;
  }
}

function install() {
  console.error("Installing the dependencies (npm ci) ...");
  // The npm that runs this script; a plain `npm` where it was something else.
  const { npm_execpath: npm, npm_node_execpath: node, npm_config_loglevel: loglevel } = process.env;
  const [command, ...before] = npm?.endsWith("npm-cli.js") ? [node ?? process.execPath, npm] : ["npm"];
  const args = [...before, "ci", "--include=dev", "--no-audit", "--no-fund"];
  // Its warnings here are all about the Node that is about to be replaced.
  const env = { ...process.env, npm_config_loglevel: loglevel ?? "error" };
  fs.rmSync(installedLock, { force: true });
  // What the script prints is the script's: npm's report goes to stderr, and stdin is left alone.
  const { status, signal, error } = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  const end = error?.message ?? (signal ? `was killed by ${signal}` : `exited with ${status}`);
  console.error(`The dependencies are not installed: npm ci ${end}.`);
  process.exit(status ?? 1);
}

/** The version of the Node that the rest of the script will find. */
function versionOfNode() {
  const installed = path.join(bin, "node");
  const works = spawnSync(installed, ["--version"]).status === 0;
  // Made for another platform (musl, say), it would only stand in the way of the machine's own.
  if (!works) fs.rmSync(installed, { force: true });
  const env = { ...process.env, PATH: `${bin}${path.delimiter}${process.env["PATH"]}` };
  return spawnSync("node", ["--version"], { env, encoding: "utf8" }).stdout.trim();
}

/** @param {string} version */
function refuse(version) {
  console.error(`Sluice needs Node ${NEEDED} or newer, this is ${version}.`);
  if (major(version) < NEEDED_TO_INSTALL) {
    console.error(`Install it from https://nodejs.org. (From Node ${NEEDED_TO_INSTALL} on, npm brings it by itself.)`);
  } else {
    console.error(
      "Install it from https://nodejs.org, or let npm bring it: npm ci --include=dev --ignore-scripts=false",
    );
  }
  process.exit(1);
}

if (major(process.version) < NEEDED_TO_INSTALL) refuse(process.version);
const installed = isInstalled();
if (!installed) install();
const version = installed && major(process.version) >= NEEDED ? process.version : versionOfNode();
if (major(version) < NEEDED) refuse(version);
