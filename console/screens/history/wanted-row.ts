/** The row of a history. */
export interface WantedRow {
  readonly source: string;
  readonly dataset: string;
  /** The values of its key, in the order of its columns. */
  readonly key: readonly string[];
}

/** The row in an address; undefined if it names none. */
export function wantedRow(query: URLSearchParams): WantedRow | undefined {
  const [source, dataset] = [query.get('source') ?? '', query.get('dataset') ?? ''];
  const key = listOf(query.get('key') ?? '');
  return source === '' || dataset === '' || key.length === 0 ? undefined : { source, dataset, key };
}

/** The address of the history of a row; undefined for a key that has no text. */
export function historyHref(
  source: string,
  dataset: string,
  key: readonly (string | null)[],
): string | undefined {
  if (key.length === 0 || key.includes(null)) return undefined;
  return `#/history?${new URLSearchParams({ source, dataset, key: JSON.stringify(key) })}`;
}

function listOf(text: string): readonly string[] {
  try {
    const given: unknown = JSON.parse(text);
    return Array.isArray(given) && given.every((one) => typeof one === 'string') ? given : [];
  } catch {
    return [];
  }
}
