import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { orderedMap } from '../../../core/ordered-map.ts';
import { MiB } from '../../../core/units.ts';
import type { FirebaseConnection } from '../connection/connection.ts';
import { isAddressable, type NodePath, showPath } from '../connection/paths.ts';
import type { ReadLimits } from '../connection/read-limits.ts';
import type { ServerHabits } from '../connection/server-habits.ts';
import type { EtagNotes } from '../etags/etag-notes.ts';
import { type EtagProbe, NodeWatch } from '../etags/etags.ts';
import { recordLine } from '../text/json.ts';
import { compareKeys } from '../text/key-order.ts';
import { asRecordsOfChild, joinPath, recordsOf, recordsOfChild } from '../text/records.ts';
import { KeyAccounts } from './key-accounts.ts';
import { isThere, listKeys } from './key-listing.ts';
import { type NodeRead, readNode, readPriority } from './node-reads.ts';
import { PageCursor } from './page-cursor.ts';
import { type Etags, NO_ETAGS, type ParentDataset } from './parent-dataset.ts';

/** Children that are read one by one: as many at once as stay below this many bytes together, within bounds. */
const AT_ONCE_BYTES = 2 * MiB;
const FEWEST_AT_ONCE = 2;
const MOST_AT_ONCE = 16;
/** How often a node that is there is asked for what it holds. */
const MOST_LOOKS = 3;

/** What a dataset is read with. */
export interface DatasetReaderOptions {
  readonly connection: FirebaseConnection;
  readonly probe: EtagProbe;
  readonly habits: ServerHabits;
  readonly limits: ReadLimits;
  /** The dataset's own node. */
  readonly path: NodePath;
  /** Undefined without a parent, or if everything is to be read. */
  readonly parent: ParentDataset | undefined;
  /** Children of that size or more are read one by one, each with its ETag. */
  readonly probeBytes: number;
  readonly notes: EtagNotes;
  readonly signal: AbortSignal;
}

/** A line of a backup, with its newline. */
type Line = Buffer | string;
type Whole = Extract<NodeRead, { readonly kind: 'whole' }>;
type Read = NodeRead | { readonly kind: 'same' };

/**
 * Reads one dataset as records, in the order of keys. A node that is small comes in one request; of one that is large, small
 * children come in pages, large ones one by one; a child that is large itself is read the same way. Children whose
 * ETag is still that of the parent are not read: their records are the parent's. What gives nothing is asked for again, until
 * it gives something or is gone.
 */
export class DatasetReader {
  /** Levels below the dataset's node. */
  depth = 0;
  /** Bytes of records that were not read, as the parent has them. */
  takenBytes = 0;
  /** The ETag of the dataset as it was read; undefined if there is none, or it changed meanwhile. */
  etag: string | undefined;
  isEtagProbed = false;
  /** Parts of it were read at different moments, and it changed between them. */
  hasChanged = false;
  /** The dataset's node is there no more. */
  isGone = false;
  readonly #options: DatasetReaderOptions;
  readonly #accounts: KeyAccounts;
  /** Whether ETags are noted: of a node that comes in pages they would not save reading it. */
  #isNoting = true;

  constructor(options: DatasetReaderOptions) {
    this.#options = options;
    this.#accounts = new KeyAccounts((path) => showPath([...options.path, ...path]));
  }

  /** @throws E_EMPTY_READ naming a node that exists but lacks something */
  async *records(): AsyncGenerator<Line> {
    const { parent, probe, path } = this.#options;
    const isKnownLarge = ((await parent?.hasEtags()) ?? false) || parent?.childBytes !== undefined;
    const first: Read =
      isKnownLarge && isAddressable(path)
        ? { kind: 'large', childBytes: parent?.childBytes }
        : await this.#readNode('');
    for await (const record of this.#listed('', first, undefined)) {
      this.#accounts.emitted(record);
      probe.trust.sawText(record);
      yield record;
    }
    this.#accounts.end();
  }

  /**
   * What a node holds that a listing showed; nothing if it is proven to be gone. @param etags undefined: the
   * parent's own list
   */
  async *#listed(path: string, first: Read, etags: Etags | undefined): AsyncGenerator<Line> {
    const { connection, signal } = this.#options;
    for (let read = first, known = etags, looks = 1; ; looks++) {
      let count = 0;
      for await (const record of this.#contents(path, read, known)) {
        count++;
        yield record;
      }
      if (count > 0) return;
      this.#accounts.settle(keysOf(path));
      if (!(await isThere(connection, this.#at(path), signal))) return this.#gone(path);
      if (looks === MOST_LOOKS) throw this.#gaveNothing(path);
      known = NO_ETAGS;
      read = await this.#readNode(path);
    }
  }

  #gone(path: string): void {
    this.hasChanged = true;
    const keys = keysOf(path);
    if (keys.length === 0) this.isGone = true;
    else this.#accounts.gone(keys.slice(0, -1), keys.at(-1) ?? '');
  }

  #gaveNothing(path: string): HoldfastError {
    return new HoldfastError('E_EMPTY_READ', `${showPath(this.#at(path))} exists, but returned no records`, {
      hint: 'Run it again; if it persists, a proxy may be changing answers, or the value is more than one answer may bring.',
    });
  }

  #contents(path: string, read: Read, etags: Etags | undefined): AsyncIterable<Line> {
    if (read.kind === 'whole') return this.#whole(path, read, etags);
    const lines = read.kind === 'same' ? this.#fromParent(path, etags) : this.#large(path, read, etags);
    return path === '' ? lines : asRecordsOfChild(lines, path, this.#options.limits.recordCharacters);
  }

  /** Notes what a node read whole tells, and gives its records. */
  async *#whole(path: string, { value, depth, etag }: Whole, etags: Etags | undefined): AsyncGenerator<Line> {
    const { probe, notes, limits, signal } = this.#options;
    if (value === 'null') return;
    this.#sawDepth(depthOf(path) + depth);
    if (etag !== undefined) {
      await this.#weigh(path, { etag, value }, etags);
      await probe.saw(this.#at(path), { etag, value }, signal);
    }
    if (path === '') {
      this.etag = etag;
      this.isEtagProbed = false;
      yield* recordsOf(value, '', limits.recordCharacters);
      return;
    }
    if (etag !== undefined && this.#isNoting) notes.add(path, etag, { isProbed: false });
    yield* recordsOfChild(value, path, limits.recordCharacters);
  }

  /** Holds a node that was read against what the parent knows of it: shows what ETags are worth. */
  async #weigh(
    path: string,
    now: { readonly etag: string; readonly value: string },
    etags: Etags | undefined,
  ) {
    const { parent, probe } = this.#options;
    if (!parent) return;
    const known = path === '' ? parent.etag : etags?.get(path);
    if (known === undefined) return;
    const value = await parent.valueAt(path);
    if (value !== undefined) probe.trust.compare({ etag: known, value }, now);
  }

  /** A node that is more than one request may bring. */
  async *#large(
    path: string,
    { childBytes }: Extract<NodeRead, { kind: 'large' }>,
    etags: Etags | undefined,
  ): AsyncGenerator<Line> {
    const { connection, probe, notes, signal } = this.#options;
    const at = this.#at(path);
    const watch = await NodeWatch.begin(probe, at, signal);
    let count = 0;
    for await (const record of this.#children(path, childBytes, etags)) {
      await watch.passed(record.length, signal);
      count++;
      yield record;
    }
    // A value, or nothing: it may have been another when it was last looked at.
    if (count === 0) return;
    const priority = await readPriority(connection, at, signal);
    if (priority !== undefined) yield recordLine(joinPath(path, '.priority'), priority);
    await watch.look(signal);
    if (watch.hasChanged) this.hasChanged = true;
    else if (path === '') {
      this.etag = watch.etag;
      this.isEtagProbed = true;
    } else if (watch.etag !== undefined && this.#isNoting) notes.add(path, watch.etag, { isProbed: true });
  }

  async *#children(path: string, childBytes: number | undefined, etags: Etags | undefined) {
    const { parent, probeBytes } = this.#options;
    const isKnownLarge = etags ? hasBelow(etags, path) : ((await parent?.hasEtags()) ?? false);
    const isOneByOne = isKnownLarge || (childBytes !== undefined && childBytes >= probeBytes);
    const keys = isOneByOne ? await this.#tryKeys(path) : undefined;
    if (keys) yield* this.#oneByOne(path, { keys, childBytes, etags });
    else yield* this.#pages(path, childBytes, etags);
  }

  /** Undefined if they cannot be listed: pages may still work. */
  async #tryKeys(path: string): Promise<readonly string[] | undefined> {
    try {
      return await this.#keys(path);
    } catch (error) {
      if (isHoldfastError(error, 'E_SOURCE_FAILED')) return undefined;
      throw error;
    }
  }

  #keys(path: string): Promise<readonly string[]> {
    return listKeys(this.#options.connection, this.#at(path), this.#options);
  }

  async *#pages(
    path: string,
    childBytes: number | undefined,
    etags: Etags | undefined,
  ): AsyncGenerator<Line> {
    const pages = new PageCursor(this.#options.connection, this.#at(path), { ...this.#options, childBytes });
    for (;;) {
      const step = await pages.next();
      this.hasChanged ||= pages.hasChanged;
      if (step.kind === 'over') return;
      if (step.kind === 'stop') break;
      if (step.kind === 'children') yield* this.#page(path, step);
      else yield* this.#childOfPages(path, step.key);
    }
    const { after } = pages;
    const all = await this.#keys(path);
    const keys = after === undefined ? all : all.filter((key) => compareKeys(key, after) > 0);
    yield* this.#oneByOne(path, { keys, childBytes: pages.childBytes, etags });
  }

  async *#page(
    path: string,
    { children, depth }: Extract<Awaited<ReturnType<PageCursor['next']>>, { kind: 'children' }>,
  ): AsyncGenerator<Line> {
    const { probe, limits, signal } = this.#options;
    this.#sawDepth(depthOf(path) + depth);
    this.#accounts.listed(
      keysOf(path),
      children.map(({ key }) => key),
    );
    for (const { key, value } of children) {
      const childPath = joinPath(path, key);
      if (value.includes('".priority":') && probe.trust.needsPriority && isAddressable([key])) {
        const read = await this.#readNode(childPath);
        if (read.kind === 'whole' && read.etag !== undefined)
          await probe.saw(this.#at(childPath), { etag: read.etag, value: read.value }, signal);
      }
      yield* recordsOfChild(value, childPath, limits.recordCharacters);
    }
  }

  async *#childOfPages(path: string, key: string): AsyncGenerator<Line> {
    const childPath = joinPath(path, key);
    const wasNoting = this.#isNoting;
    this.#accounts.listed(keysOf(path), [key]);
    this.#isNoting = false;
    yield* this.#listed(childPath, await this.#readNode(childPath), NO_ETAGS);
    this.#isNoting = wasNoting;
  }

  /** Several at once, each in a request of its own. */
  async *#oneByOne(
    path: string,
    {
      keys,
      childBytes = AT_ONCE_BYTES / 8,
      etags,
    }: {
      readonly keys: readonly string[];
      readonly childBytes: number | undefined;
      readonly etags: Etags | undefined;
    },
  ): AsyncGenerator<Line> {
    const atOnce = Math.min(Math.max(Math.floor(AT_ONCE_BYTES / childBytes), FEWEST_AT_ONCE), MOST_AT_ONCE);
    this.#sawDepth(depthOf(path) + (keys.length > 0 ? 1 : 0));
    this.#accounts.listed(keysOf(path), keys);
    const children = orderedMap(this.#withEtags(path, keys, etags), atOnce, async (child) => ({
      ...child,
      read: await this.#child(child.path, child.etags),
    }));
    for await (const { path: childPath, etags: known, read } of children)
      yield* this.#listed(childPath, read, known);
  }

  /** In the order of keys, as the parent's ETags are read from a stream. */
  async *#withEtags(path: string, keys: readonly string[], etags: Etags | undefined) {
    for (const key of keys) {
      const childPath = joinPath(path, key);
      const known = etags ?? (await this.#options.parent?.etagsUnder(childPath)) ?? NO_ETAGS;
      yield { path: childPath, etags: known };
    }
  }

  async #child(path: string, etags: Etags): Promise<Read> {
    const { probe, signal } = this.#options;
    const known = etags.get(path);
    const isAsked = known !== undefined && probe.isTrusted;
    if (isAsked && (await probe.probe(this.#at(path), signal)) === known) return { kind: 'same' };
    if (hasBelow(etags, path)) return { kind: 'large', childBytes: undefined };
    return this.#readNode(path);
  }

  /** Gives the parent's records of a child, none if it has none. @throws E_SOURCE_LOST if they break off */
  async *#fromParent(path: string, etags: Etags | undefined): AsyncGenerator<Buffer> {
    const { parent, notes } = this.#options;
    const keys = keysOf(path);
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
    if (count === 0) return;
    for (const [known, etag] of etags ?? NO_ETAGS)
      if (known === path || known.startsWith(`${path}/`)) notes.add(known, etag, { isProbed: false });
    this.#sawDepth(parent?.depth ?? 0);
  }

  #readNode(path: string): Promise<NodeRead> {
    return readNode(this.#options.connection, this.#at(path), this.#options);
  }

  #at(path: string): NodePath {
    return [...this.#options.path, ...keysOf(path)];
  }

  #sawDepth(depth: number): void {
    this.depth = Math.max(this.depth, depth);
  }
}

function hasBelow(etags: Etags, path: string): boolean {
  return etags.keys().some((known) => known.startsWith(`${path}/`));
}

function keysOf(path: string): readonly string[] {
  return path === '' ? [] : path.split('/');
}

function depthOf(path: string): number {
  return keysOf(path).length;
}
