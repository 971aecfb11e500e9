/** A value's kind for a message, without its content. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object" && typeof value !== "function") return `a ${typeof value}`;
  const name = value.constructor?.name;
  return typeof value === "function" ? "a function" : name ? `an object of class ${name}` : "an object";
}
