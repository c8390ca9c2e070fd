/** Where to restore a backup. */
export interface PairedTarget {
  /** Its configured name. */
  readonly name: string;
  /** The database, without secrets. */
  readonly location: string;
}

/**
 * Why a target looks like the wrong one for a backup: it is a database that is itself backed up, or it is
 * named after another source. Empty if nothing does; it proves nothing.
 *
 * @param source the backup's own name for it
 * @param sources names that backups of each configured source may have, by its name
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
        ? `${name} is the live database of ${live}: everything written since this backup will be lost.`
        : `${name} is the live database of ${live}, but this backup is from ${said}.`,
    ];
  const named = [...sources.keys()].filter((other) => isNamedAfter(name, other));
  if (named.length === 0 || (own !== undefined && named.includes(own))) return [];
  return [`${name} is named after ${named[0]}, but this backup is from ${said}.`];
}

/** `shop_copy` and `copy-of-shop` are named after `shop`; `workshop` is not. */
function isNamedAfter(target: string, source: string): boolean {
  const words = (text: string) => `_${text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')}_`;
  return words(target).includes(words(source));
}
