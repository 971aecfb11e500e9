/**
 * The elements of an array in JSON, each as it stands there: numbers keep their digits.
 *
 * @param json - valid; what is no array is one element
 */
export function splitArray(json: string): string[] {
  const text = json.trim();
  if (!text.startsWith("[")) return [text];
  const elements: string[] = [];
  let begin = 1;
  let depth = 0;
  const add = (end: number): void => {
    const element = text.slice(begin, end).trim();
    if (element !== "") elements.push(element);
    begin = end + 1;
  };
  for (let index = 0; index < text.length; index++) {
    switch (text[index]) {
      case '"':
        index = endOfString(text, index);
        break;
      case "[":
      case "{":
        depth++;
        break;
      case "]":
      case "}":
        if (--depth === 0) add(index);
        break;
      case ",":
        if (depth === 1) add(index);
        break;
      default:
    }
  }
  return elements;
}

/** @param quote - where it begins */
function endOfString(text: string, quote: number): number {
  let index = quote + 1;
  while (index < text.length && text[index] !== '"') index += text[index] === "\\" ? 2 : 1;
  return index;
}
