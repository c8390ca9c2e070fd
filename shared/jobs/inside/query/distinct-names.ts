/** The names; where SQL does not tell two apart, as they differ in capitals at most, the later ones get a number. */
export function distinctNames(
  names: readonly { readonly name: string; readonly among: string }[],
): readonly string[] {
  const key = (among: string, name: string) => `${among}\0${name}`.toLowerCase();
  const given = new Set(names.map(({ name, among }) => key(among, name)));
  const used = new Set<string>();
  return names.map(({ name, among }) => {
    let result = name;
    for (let i = 2; used.has(key(among, result)) || (i > 2 && given.has(key(among, result))); i++)
      result = `${name}_${i}`;
    used.add(key(among, result));
    return result;
  });
}
