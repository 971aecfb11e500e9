import { EventSourceParserStream } from "eventsource-parser/stream";

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
}

/** The text of a chat completion that is streamed: `data: {"choices":[{"delta":{"content":"…"}}]}`, until `data: [DONE]`. */
export async function* textOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === "[DONE]") return;
    const content = (JSON.parse(data) as Chunk).choices?.[0]?.delta?.content;
    if (content) yield content;
  }
  throw new Error("The model's answer broke off");
}
