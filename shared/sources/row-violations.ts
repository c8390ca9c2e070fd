const MOST_NAMED = 5;

/** So many keys are asked for: one more than are named. */
export const KEYS_ASKED = MOST_NAMED + 1;

/** The first of some keys, for people; undefined if there are none. */
export function namedKeys(keys: readonly string[]): string | undefined {
  if (keys.length === 0) return undefined;
  const named = keys.slice(0, MOST_NAMED).map((key) => `(${key})`);
  return `${named.join(', ')}${keys.length > MOST_NAMED ? ' and more' : ''}`;
}

/** What stands against putting rows of a dataset back, a sentence each. Keys are as `namedKeys` gives them. */
export const violation = {
  unfilled: (dataset: string, columns: readonly string[]) =>
    `${dataset}: ${columns.join(', ')} must have a value, has no default, and is not in the backup; give it a default first`,
  withoutValue: (dataset: string, column: string, keys: string) =>
    `${dataset}: ${column} cannot be NULL in the target, but is NULL in the backup, in rows ${keys}`,
  check: (dataset: string, name: string, keys: string) =>
    `${dataset}: the check ${name} does not hold for rows ${keys}`,
  unique: (dataset: string, name: string, columns: readonly string[], keys: string) =>
    `${dataset}: other rows of the target already have the values of ${name} (${columns.join(', ')}): ${keys}; change or remove those first`,
  withoutParent: (dataset: string, name: string, parent: string, keys: string) =>
    `${dataset}: rows ${keys} refer to rows of ${parent} that do not exist (foreign key ${name}); restore those too`,
  stillReferredTo: (dataset: string, name: string, child: string, keys: string) =>
    `${dataset}: rows of ${child} refer to ${keys}, which would be removed (foreign key ${name}); change or remove the rows of ${child} first`,
} as const;
