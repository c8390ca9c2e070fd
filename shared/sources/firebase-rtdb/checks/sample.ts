import { KiB } from '../../../core/units.ts';
import type { Answer, Ask, FirebaseConnection } from '../connection/connection.ts';
import type { NodePath } from '../connection/paths.ts';
import { CanonicalJson, type Member } from '../text/json.ts';
import { compareKeys } from '../text/key-order.ts';

/** A node that is larger is not read whole to see what a database does. */
const MOST_SAMPLE_BYTES = 64 * KiB;
const MOST_TRIED = 24;
const TRIED_A_LEVEL = 4;

/** A small node with children that have children: what ETags and pages can be seen on. */
export interface Sample {
  readonly path: NodePath;
  /** In the order of keys. */
  readonly keys: readonly string[];
  /** Canonical, with priorities. */
  readonly value: string;
  readonly etag: string | undefined;
}

/** What checks ask with. */
export class Asker {
  readonly #connection: FirebaseConnection;
  readonly #signal: AbortSignal;

  constructor(connection: FirebaseConnection, signal: AbortSignal) {
    this.#connection = connection;
    this.#signal = signal;
  }

  send(ask: Ask): Promise<Answer> {
    return this.#connection.ask(ask, (answer) => answer, this.#signal);
  }

  get(path: NodePath, query: Readonly<Record<string, string>>): Promise<Answer> {
    return this.send({ method: 'GET', path, query, etag: true, mostBytes: () => MOST_SAMPLE_BYTES });
  }

  /** Keys of an answer as they came, undefined if it is cut, refused, or a value. */
  async keys(
    path: NodePath,
    query: Readonly<Record<string, string>>,
  ): Promise<readonly string[] | undefined> {
    return childrenOf(await this.get(path, query))?.map(({ key }) => key);
  }
}

/** The first node, from the top, that is small enough and has children with children. */
export async function findSample(asker: Asker, base: NodePath): Promise<Sample | undefined> {
  let tried = 0;
  const waiting: NodePath[] = [base];
  for (let path = waiting.shift(); path && tried < MOST_TRIED; path = waiting.shift()) {
    tried++;
    const answer = await asker.get(path, { format: 'export' });
    const children = childrenOf(answer);
    if (children?.some(({ value }) => value.startsWith('{'))) return sampleOf(path, answer, children);
    if (children) continue;
    const listed = await asker.keys(path, { shallow: 'true' });
    for (const key of listed?.slice(0, TRIED_A_LEVEL) ?? []) waiting.push([...path, key]);
  }
  return undefined;
}

function sampleOf(path: NodePath, { body, etag }: Answer, children: readonly Member[]): Sample {
  const keys = children.map(({ key }) => key).sort(compareKeys);
  return { path, keys, value: new CanonicalJson(body).whole(), etag };
}

function childrenOf({ body, outcome }: Answer): readonly Member[] | undefined {
  if (outcome !== 'whole') return undefined;
  return new CanonicalJson(body).members()?.filter(({ key }) => !key.startsWith('.'));
}
