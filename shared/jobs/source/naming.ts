/** Names of the configuration, each with what backups of it may say that their source is: the name first. */
export type SourceNames = ReadonlyMap<string, readonly string[]>;

/** The name in the configuration of what a backup calls its source; what is not configured stays as it is. */
export function configuredName(names: SourceNames, stored: string): string {
  if (names.has(stored)) return stored;
  for (const [name, aliases] of names) if (aliases.includes(stored)) return name;
  return stored;
}

/** Gives sources of backups their names in the configuration. */
export type Naming = (stored: Iterable<string>) => Promise<(stored: string) => string>;

/** For those who see the names of the configuration alone, as functions, which have always written these. */
export const AS_STORED: Naming = async () => (stored) => stored;
