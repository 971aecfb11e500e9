/**
 * The names of columns as a Parquet file has them: each once, whatever its case, and none empty. The second `name` is `name_1`.
 */
export function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const all = new Set(names.map((name) => name.toLowerCase()));
  return names.map((given, index) => {
    const name = given === "" ? `column${index + 1}` : given;
    let unique = name;
    // A name that another column has of its own stays that one's.
    for (
      let count = 1;
      taken.has(unique.toLowerCase()) || (unique !== given && all.has(unique.toLowerCase()));
      count++
    ) {
      unique = `${name}_${count}`;
    }
    taken.add(unique.toLowerCase());
    return unique;
  });
}
