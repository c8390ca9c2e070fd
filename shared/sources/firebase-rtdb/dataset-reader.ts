import { HoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { KiB, MiB } from '../../core/units.ts';
import type { FirebaseConnection } from './connection.ts';
import type { EtagNotes } from './etag-notes.ts';
import { type EtagProbe, NodeWatch } from './etags.ts';
import { recordLine } from './json.ts';
import { compareKeys } from './key-order.ts';
import { listKeys, type NodeRead, type PageRead, readNode, readPage, readPriority } from './node-reads.ts';
import type { ParentDataset } from './parent-dataset.ts';
import { type NodePath, showPath } from './paths.ts';
import { joinPath, recordsOf, recordsOfChild } from './records.ts';

/** What one page of small children shall bring. */
const PAGE_BYTES = 512 * KiB;
const FIRST_PAGE_CHILDREN = 16;
const MOST_PAGE_CHILDREN = 100_000;
/** Children that are read one by one: as many at once as have so many bytes together, within bounds. */
const AT_ONCE_BYTES = 2 * MiB;
const FEWEST_AT_ONCE = 2;
const MOST_AT_ONCE = 16;

export interface DatasetReaderOptions {
  readonly connection: FirebaseConnection;
  readonly probe: EtagProbe;
  /** The dataset's own node. */
  readonly path: NodePath;
  /** Undefined without a parent, or where everything is to be read. */
  readonly parent: ParentDataset | undefined;
  /** Children of that size or more are read one by one, each with its ETag. */
  readonly probeBytes: number;
  readonly notes: EtagNotes;
  readonly signal: AbortSignal;
}

/** ETags of the parent at and below a path, by path. */
type Etags = ReadonlyMap<string, string>;
const NO_ETAGS: Etags = new Map();

type ChildRead = NodeRead | { readonly kind: 'same' };

/**
 * Reads one dataset as records, in the order of keys. A node that is small comes in one request; of one that is large, small
 * children come in pages, large ones one by one; a child that is large itself is read the same way. Children whose
 * ETag is still that of the parent are not read: their records are the parent's.
 */
export class DatasetReader {
  /** Levels below the dataset's node. */
  depth = 0;
  /** Bytes of records that were not read, as the parent has them. */
  takenBytes = 0;
  /** The ETag of the dataset as it was read; undefined where there is none, or it changed meanwhile. */
  etag: string | undefined;
  isEtagProbed = false;
  /** Parts of it were read at different moments, and it changed between them. */
  hasChanged = false;
  readonly #options: DatasetReaderOptions;

  constructor(options: DatasetReaderOptions) {
    this.#options = options;
  }

  async *records(): AsyncGenerator<Buffer | string> {
    const { connection, path, parent, signal } = this.#options;
    const isKnownLarge = (await parent?.hasEtags()) ?? false;
    const read: NodeRead =
      isKnownLarge || parent?.childBytes !== undefined
        ? { kind: 'large', childBytes: parent?.childBytes }
        : await readNode(connection, path, signal);
    if (read.kind === 'large') {
      yield* this.#large('', read.childBytes, { etags: undefined, isKnownLarge });
      return;
    }
    this.etag = read.etag;
    yield* this.#whole(read, '', recordsOf(read.value, ''));
  }

  /** Notes what a node read whole tells, and gives its records. */
  async *#whole(
    { value, depth, etag }: Extract<NodeRead, { kind: 'whole' }>,
    path: string,
    records: Iterable<string>,
  ): AsyncGenerator<string> {
    this.#sawDepth(depthOf(path) + depth);
    if (value.startsWith('{')) await this.#options.probe.compare(this.#at(path), etag, this.#options.signal);
    yield* records;
  }

  /** A node that is more than one request may bring. @param known ETags below it; undefined: the parent's own list */
  async *#large(
    path: string,
    childBytes: number | undefined,
    known: { readonly etags: Etags | undefined; readonly isKnownLarge: boolean },
  ): AsyncGenerator<Buffer | string> {
    const { connection, probe, probeBytes, notes, signal } = this.#options;
    const at = this.#at(path);
    const watch = await NodeWatch.begin(probe, at, signal);
    const isOneByOne = known.isKnownLarge || (childBytes !== undefined && childBytes >= probeBytes);
    const records = isOneByOne
      ? this.#oneByOne(path, { after: undefined, childBytes, etags: known.etags })
      : this.#pages(path, childBytes, known.etags);
    for await (const record of records) {
      await watch.passed(record.length, signal);
      yield record;
    }
    const priority = await readPriority(connection, at, signal);
    if (priority !== undefined) yield recordLine(joinPath(path, '.priority'), priority);
    await watch.look(signal);
    if (watch.hasChanged) this.hasChanged = true;
    else if (path === '') {
      this.etag = watch.etag;
      this.isEtagProbed = true;
    } else if (watch.etag !== undefined) notes.add(path, watch.etag, { isProbed: true });
  }

  async *#pages(
    path: string,
    childBytes: number | undefined,
    etags: Etags | undefined,
  ): AsyncGenerator<Buffer | string> {
    const { probeBytes } = this.#options;
    let limit = childBytes === undefined ? FIRST_PAGE_CHILDREN : pageChildren(childBytes);
    let after: string | undefined;
    let average = childBytes;
    for (;;) {
      const page = await this.#nextPage(path, after, limit);
      if (page.kind === 'page') {
        yield* this.#pageRecords(path, page);
        if (page.children.length < page.limit) return;
        after = page.children.at(-1)?.key;
        average = page.readBytes / page.limit;
        if (page.limit > 1 && average >= probeBytes) break;
        limit = pageChildren(average);
      } else if (page.kind === 'cut' && page.firstKey !== undefined) {
        after = page.firstKey;
        yield* this.#large(joinPath(path, after), undefined, { etags: NO_ETAGS, isKnownLarge: false });
      } else break;
    }
    yield* this.#oneByOne(path, { after, childBytes: average, etags });
  }

  /** The next children, or fewer where so many are more than one request may bring. */
  async #nextPage(
    path: string,
    after: string | undefined,
    limit: number,
  ): Promise<PageRead & { readonly limit: number }> {
    const { connection, signal } = this.#options;
    const page = await readPage(connection, this.#at(path), { after, limit, signal });
    if (page.kind === 'page' || limit === 1) return { ...page, limit };
    return this.#nextPage(path, after, Math.max(1, Math.floor(limit / 8)));
  }

  *#pageRecords(path: string, { children, depth }: Extract<PageRead, { kind: 'page' }>): Generator<string> {
    this.#sawDepth(depthOf(path) + depth);
    for (const { key, value } of children) yield* recordsOfChild(value, joinPath(path, key));
  }

  /** Children after a key by a listing of keys, several at once, each in a request of its own. */
  async *#oneByOne(
    path: string,
    {
      after,
      childBytes = AT_ONCE_BYTES / 8,
      etags,
    }: {
      readonly after: string | undefined;
      readonly childBytes: number | undefined;
      readonly etags: Etags | undefined;
    },
  ): AsyncGenerator<Buffer | string> {
    const { connection, notes, signal } = this.#options;
    const atOnce = Math.min(Math.max(Math.floor(AT_ONCE_BYTES / childBytes), FEWEST_AT_ONCE), MOST_AT_ONCE);
    const all = await listKeys(connection, this.#at(path), signal);
    const keys = after === undefined ? all : all.filter((key) => compareKeys(key, after) > 0);
    this.#sawDepth(depthOf(path) + (keys.length > 0 ? 1 : 0));
    const children = orderedMap(this.#withEtags(path, keys, etags), atOnce, async (child) => ({
      ...child,
      read: await this.#child(child.path, child.etags),
    }));
    for await (const { path: childPath, etags: below, read } of children) {
      if (read.kind === 'same' && (yield* this.#fromParent(childPath, below))) continue;
      const found = read.kind === 'same' ? await readNode(connection, this.#at(childPath), signal) : read;
      if (found.kind === 'large')
        yield* this.#large(childPath, found.childBytes, {
          etags: below,
          isKnownLarge: hasBelow(below, childPath),
        });
      else {
        if (found.etag !== undefined && found.value !== 'null')
          notes.add(childPath, found.etag, { isProbed: false });
        yield* this.#whole(found, childPath, recordsOfChild(found.value, childPath));
      }
    }
  }

  /** In the order of keys, as the parent's ETags are read from a stream. */
  async *#withEtags(path: string, keys: readonly string[], etags: Etags | undefined) {
    for (const key of keys) {
      const childPath = joinPath(path, key);
      const known = etags ?? (await this.#options.parent?.etagsUnder(childPath)) ?? NO_ETAGS;
      yield { path: childPath, etags: known };
    }
  }

  async #child(path: string, etags: Etags): Promise<ChildRead> {
    const { connection, probe, signal } = this.#options;
    const known = etags.get(path);
    if (known !== undefined && (await probe.probe(this.#at(path), signal)) === known) {
      probe.agree();
      return { kind: 'same' };
    }
    if (hasBelow(etags, path)) return { kind: 'large', childBytes: undefined };
    return readNode(connection, this.#at(path), signal);
  }

  /** Gives the parent's records of a child, and whether it has any. @throws E_SOURCE_LOST where they break off */
  async *#fromParent(path: string, etags: Etags): AsyncGenerator<Buffer, boolean> {
    const { parent, notes } = this.#options;
    const keys = path.split('/');
    let count = 0;
    for (;;) {
      const record = await parent?.records.find(keys);
      if (!record) break;
      parent?.records.take();
      count++;
      this.takenBytes += record.line.length;
      yield record.line;
    }
    if (count > 0 && parent?.records.isBroken)
      throw new HoldfastError(
        'E_SOURCE_LOST',
        `${showPath(this.#at(path))} is unchanged, and the last backup of it broke off`,
        { hint: 'Back up with --full-read: nothing is taken from the last backup then.' },
      );
    if (count === 0) return false;
    for (const [known, etag] of etags)
      if (known === path || known.startsWith(`${path}/`)) notes.add(known, etag, { isProbed: false });
    this.#sawDepth(parent?.depth ?? 0);
    return true;
  }

  #at(path: string): NodePath {
    return path === '' ? this.#options.path : [...this.#options.path, ...path.split('/')];
  }

  #sawDepth(depth: number): void {
    this.depth = Math.max(this.depth, depth);
  }
}

function pageChildren(childBytes: number): number {
  return Math.min(Math.max(Math.floor(PAGE_BYTES / childBytes), 1), MOST_PAGE_CHILDREN);
}

function hasBelow(etags: Etags, path: string): boolean {
  return etags.keys().some((known) => known.startsWith(`${path}/`));
}

function depthOf(path: string): number {
  return path === '' ? 0 : path.split('/').length;
}
