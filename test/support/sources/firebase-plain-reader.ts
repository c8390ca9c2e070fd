/**
 * Reads a whole database by two plain GETs, and says how two of them differ. A judge of backups and restores: it shares
 * nothing with the source, neither code nor ways of reading.
 */
export interface WholeTree {
  /** Numbers digit for digit, as `#12.50`; arrays as the objects that they are. */
  readonly plain: unknown;
  /** The same with priorities. */
  readonly exported: unknown;
}

/** @param url of the database, or of a node: `http://127.0.0.1:9000/node` */
export async function readWholeTree(url: string): Promise<WholeTree> {
  const base = url.replace(/\/$/, '');
  const get = async (query: string) => {
    const place = /^https?:\/\/[^/]+$/.test(base) ? `${base}/.json` : `${base}.json`;
    const answer = await fetch(place + query);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${place}${query}: ${answer.status} ${text.slice(0, 200)}`);
    return normalised(text);
  };
  return { plain: await get(''), exported: await get('?format=export') };
}

/** Where two trees differ first, in words; undefined where they are equal. */
export function differenceOf(expected: WholeTree, got: WholeTree): string | undefined {
  return differs(expected.exported, got.exported, '') ?? differs(expected.plain, got.plain, '(plain) ');
}

interface WithSource {
  readonly source?: string;
}

function normalised(text: string): unknown {
  return JSON.parse(text, (_, value: unknown, context?: WithSource) => {
    if (typeof value === 'number') return `#${context?.source}`;
    if (!Array.isArray(value)) return value;
    const members = value.map((member, i) => [String(i), member] as const);
    return Object.fromEntries(members.filter(([, member]) => member !== null));
  });
}

function differs(a: unknown, b: unknown, at: string): string | undefined {
  if (!isObject(a) || !isObject(b))
    return a === b ? undefined : `${at || '/'}: expected ${show(a)}, got ${show(b)}`;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = differs(own(a, key), own(b, key), `${at}/${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function own(value: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}… (${text.length} characters)` : text;
}
