/** Configured names, each with the names that its backups may have: its own first. */
export type SourceNames = ReadonlyMap<string, readonly string[]>;

/** The configured name for a backup's own name of its source; unconfigured ones stay unchanged. */
export function configuredName(names: SourceNames, stored: string): string {
  if (names.has(stored)) return stored;
  for (const [name, aliases] of names) if (aliases.includes(stored)) return name;
  return stored;
}

/** Gives the sources of backups their configured names. */
export type Naming = (stored: Iterable<string>) => Promise<(stored: string) => string>;

/** For code that only sees configured names, such as functions, which have always written these. */
export const AS_STORED: Naming = async () => (stored) => stored;
