/**
 * The answer of a language model that outlives its reader: reload the page in the middle, close the laptop, open it elsewhere, and it
 * goes on. `OPENAI_BASE_URL`, `OPENAI_API_KEY` and `OPENAI_MODEL` name a server that speaks OpenAI's chat completions; without
 * them a stand-in answers.
 */
import { readFileSync } from "node:fs";
import { createStreams } from "sluice";
import { memoryLog } from "sluice/logs/memory";
import { serve } from "sluice/node";
import { standInResponse } from "./chat/stand-in.ts";
import { textOf } from "./chat/text-of.ts";

const { OPENAI_BASE_URL, OPENAI_API_KEY = "", OPENAI_MODEL = "gpt-4o-mini", PORT = "8000" } = process.env;
const page = readFileSync(new URL("chat/page.html", import.meta.url), "utf8");
const streams = createStreams({ log: memoryLog() });

async function* answer(question: string, signal: AbortSignal): AsyncGenerator<string> {
  const request = { model: OPENAI_MODEL, stream: true, messages: [{ role: "user", content: question }] };
  const response = OPENAI_BASE_URL
    ? await fetch(`${OPENAI_BASE_URL}/chat/completions`, {
        method: "POST",
        headers: { Authorization: `Bearer ${OPENAI_API_KEY}`, "Content-Type": "application/json" },
        body: JSON.stringify(request),
        signal,
      })
    : standInResponse(question, signal);
  if (!response.ok || !response.body) throw new Error(`The model's server answered ${response.status}`);
  yield* textOf(response.body);
}

const server = await serve(
  async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8" } });
    const id = /^\/answers\/([\w-]{1,64})$/u.exec(pathname)?.[1];
    if (id === undefined) return new Response("There is nothing here\n", { status: 404 });
    if (request.method === "PUT") {
      const question = await request.text();
      await streams.produce(`answers/${id}`, ({ signal }) => answer(question, signal), { ttlSeconds: 3600 });
      return new Response(null, { status: 204 });
    }
    if (request.method === "DELETE") return streams.remove(`answers/${id}`);
    return streams.response(request, `answers/${id}`);
  },
  { port: Number(PORT) },
);
console.log(`Open ${server.url}, ask, and reload the page while it answers.`);
