import { setTimeout as sleep } from "node:timers/promises";
import { eventStreamResponse } from "sluice";

const WORDS_PER_SECOND = 8;

/** What a model's server would answer: a word at a time, in the form of OpenAI's chat completions. */
export function standInResponse(question: string, signal: AbortSignal): Response {
  const text = `You asked: ${question}. `.concat(
    "Nobody here knows, but it takes its time to say so, word by word. ".repeat(6),
  );
  return eventStreamResponse(new Request("http://stand-in/"), async function* () {
    for (const word of text.split(/(?<= )/u)) {
      await sleep(1000 / WORDS_PER_SECOND, undefined, { signal });
      yield { data: { choices: [{ delta: { content: word } }] } };
    }
    yield "[DONE]";
  });
}
