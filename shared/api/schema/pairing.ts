/** Where a backup is to be restored. */
export interface PairedTarget {
  /** As the configuration calls it. */
  readonly name: string;
  /** The database, no secret in it. */
  readonly location: string;
}

/**
 * What makes a target look like the wrong one for a backup: it is a database that is backed up itself, or it is called after
 * another source. Empty where nothing does; it proves nothing.
 *
 * @param source the backup's, as the backup has it
 * @param sources what backups of each configured source may say, by its name
 */
export function pairingWarnings(
  { name, location }: PairedTarget,
  source: string,
  sources: ReadonlyMap<string, readonly string[]>,
): string[] {
  const own = [...sources].find(([, known]) => known.includes(source))?.[0];
  const said = own ?? source;
  const live = [...sources].find(([, known]) => known.includes(location))?.[0];
  if (live !== undefined)
    return [
      live === own
        ? `${name} is the live database of ${live}: what was written since this backup will be gone.`
        : `${name} is the live database of ${live}, and this backup is of ${said}.`,
    ];
  const named = [...sources.keys()].filter((other) => isNamedAfter(name, other));
  if (named.length === 0 || (own !== undefined && named.includes(own))) return [];
  return [`${name} is called after ${named[0]}, and this backup is of ${said}.`];
}

/** `shop_copy` and `copy-of-shop` are named after `shop`; `workshop` is not. */
function isNamedAfter(target: string, source: string): boolean {
  const words = (text: string) => `_${text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}_`;
  return words(target).includes(words(source));
}
