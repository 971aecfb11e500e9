import { readFile, rename, writeFile } from "node:fs/promises";
import { type Representation, type Validator, checkableDigests } from "../../client/representation.ts";

const VERSION = 1;

/** What is kept beside an unfinished file. How much of it is there, its own length says. */
export interface PartialState {
  /** As it was asked for, without credentials. */
  readonly url: string;
  readonly representation: Representation;
  /** Everything was there, and right: it is only to be given its name. */
  readonly isVerified: boolean;
}

/** @returns undefined where there is none, or none that we wrote */
export async function loadState(path: string): Promise<PartialState | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return parseState(text);
}

/** In one step: whoever reads it finds this one, or the one before. Its URL may hold a secret, so it is the user's alone. */
export async function saveState(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

export function encodeState({ url, representation, isVerified }: PartialState): string {
  const { validator, completeLength, digests } = representation;
  const reprDigest = [...digests].map(
    ([algorithm, bytes]) => `${algorithm}=:${Buffer.from(bytes).toString("base64")}:`,
  );
  const state = { version: VERSION, url, validator, completeLength, reprDigest: reprDigest.join(", "), isVerified };
  return `${JSON.stringify(state, undefined, 2)}\n`;
}

function parseState(text: string): PartialState | undefined {
  let state: Record<string, unknown>;
  try {
    state = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { version, url, completeLength, reprDigest, isVerified } = state ?? {};
  if (version !== VERSION || typeof url !== "string") return undefined;
  return {
    url,
    representation: {
      validator: toValidator(state["validator"]),
      completeLength: Number.isSafeInteger(completeLength) ? (completeLength as number) : undefined,
      digests: checkableDigests(typeof reprDigest === "string" ? reprDigest : null),
    },
    isVerified: isVerified === true,
  };
}

function toValidator(value: unknown): Validator | undefined {
  const { field, value: text } = (value ?? {}) as Partial<Validator>;
  return (field === "etag" || field === "last-modified") && typeof text === "string"
    ? { field, value: text }
    : undefined;
}
