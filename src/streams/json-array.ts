const encoder = new TextEncoder();
const [OPEN, COMMA, CLOSE] = [encoder.encode("["), encoder.encode(","), encoder.encode("]")];

/** Messages of JSON as one array: its bytes in parts. */
export function jsonArrayOf(messages: readonly Uint8Array[]): Uint8Array[] {
  const parts: Uint8Array[] = [OPEN];
  for (const message of messages) {
    if (parts.length > 1) parts.push(COMMA);
    parts.push(message);
  }
  parts.push(CLOSE);
  return parts;
}
