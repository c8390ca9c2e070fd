import type { FirebaseConnection } from '../connection/connection.ts';
import type { NodePath } from '../connection/paths.ts';
import type { ServerHabits } from '../connection/server-habits.ts';
import type { Member } from '../text/json.ts';
import { compareKeys } from '../text/key-order.ts';
import { isThere } from './key-listing.ts';
import { type PageRead, type ReadOptions, readPage } from './node-reads.ts';

const FIRST_PAGE_CHILDREN = 16;
const MOST_PAGE_CHILDREN = 100_000;

/** How a node is read in pages. */
export interface PageOptions extends ReadOptions {
  readonly habits: ServerHabits;
  /** Of a child, as far as is known. */
  readonly childBytes: number | undefined;
  /** Children of that size or more are not for pages. */
  readonly probeBytes: number;
}

/** What a step of reading pages gave. */
export type PageStep =
  | { readonly kind: 'children'; readonly children: readonly Member[]; readonly depth: number }
  /** One child that is more than a page may bring. */
  | { readonly kind: 'child'; readonly key: string }
  /** There are no more. */
  | { readonly kind: 'over' }
  /** What follows `after` is to be read another way. */
  | { readonly kind: 'stop' };

/**
 * The children of a node, page by page. Each page is asked to begin with the last child of the page before, and the last one
 * brings that child alone: so nothing is left out between pages, however the server takes the question.
 */
export class PageCursor {
  /** The last child that was given. */
  after: string | undefined;
  /** Of a child, as far as was seen. */
  childBytes: number | undefined;
  /** A child was removed meanwhile. */
  hasChanged = false;
  readonly #connection: FirebaseConnection;
  readonly #path: NodePath;
  readonly #options: PageOptions;
  #before: string | undefined;
  #limit: number;
  /** The last child is too large, or gone: the next page cannot begin with it. */
  #isApart = false;
  #areLarge = false;

  constructor(connection: FirebaseConnection, path: NodePath, options: PageOptions) {
    this.#connection = connection;
    this.#path = path;
    this.#options = options;
    this.childBytes = options.childBytes;
    this.#limit =
      options.childBytes === undefined ? FIRST_PAGE_CHILDREN : this.#childrenOf(options.childBytes);
  }

  async next(): Promise<PageStep> {
    const { habits, limits, signal } = this.#options;
    if (this.#areLarge) return { kind: 'stop' };
    const isJoined = this.#before !== undefined && !this.#isApart;
    if (this.after !== undefined && !isJoined && habits.pages !== true) return { kind: 'stop' };
    const page = await readPage(this.#connection, this.#path, {
      after: isJoined ? this.#before : this.after,
      count: this.#limit + (isJoined ? 1 : 0),
      limits,
      signal,
    });
    if (page.kind !== 'page') return this.#smaller(page, isJoined);
    if (isJoined && page.children[0]?.key !== this.after) return this.#notJoined();
    if (isJoined) this.#sawJoin();
    return this.#take(page, isJoined ? page.children.slice(1) : page.children);
  }

  #take(page: Extract<PageRead, { kind: 'page' }>, children: readonly Member[]): PageStep {
    const [first] = children;
    if (!first) return { kind: 'over' };
    if (!this.#isAfterLast(first.key)) return this.#fails();
    this.childBytes = page.readBytes / page.children.length;
    this.#areLarge = this.#limit > 1 && this.childBytes >= this.#options.probeBytes;
    this.#limit = this.#childrenOf(this.childBytes);
    this.#passed(children.at(-2)?.key ?? this.after, children.at(-1)?.key);
    return { kind: 'children', children, depth: page.depth };
  }

  /** So many are more than one answer may bring. */
  #smaller(page: Exclude<PageRead, { kind: 'page' }>, isJoined: boolean): PageStep | Promise<PageStep> {
    if (this.#limit > 1) {
      this.#limit = Math.max(1, Math.floor(this.#limit / 8));
      return this.next();
    }
    if (isJoined) {
      this.#isApart = true;
      return this.next();
    }
    if (page.kind === 'refused' || page.firstKey === undefined) return { kind: 'stop' };
    if (!this.#isAfterLast(page.firstKey)) return this.#fails();
    this.#passed(this.after, page.firstKey);
    this.#isApart = true;
    return { kind: 'child', key: page.firstKey };
  }

  /** The page does not begin where it should: the child is gone, or the server begins pages elsewhere. */
  async #notJoined(): Promise<PageStep> {
    if (await isThere(this.#connection, [...this.#path, this.after ?? ''], this.#options.signal))
      return this.#fails();
    this.hasChanged = true;
    this.#isApart = true;
    return this.next();
  }

  /** Shows what `startAfter` means, unless a server that takes its quotes for a part of the key would begin there too. */
  #sawJoin(): void {
    const before = this.#before ?? '';
    const after = this.after ?? '';
    const literal = JSON.stringify(before);
    const isAmbiguous = compareKeys(before, literal) < 0 && compareKeys(literal, after) < 0;
    if (!isAmbiguous) this.#options.habits.pages ??= true;
  }

  #passed(before: string | undefined, after: string | undefined): void {
    this.#before = before;
    this.after = after;
    this.#isApart = false;
  }

  #isAfterLast(key: string): boolean {
    return this.after === undefined || compareKeys(key, this.after) > 0;
  }

  #fails(): PageStep {
    this.#options.habits.pages = false;
    return { kind: 'stop' };
  }

  #childrenOf(childBytes: number): number {
    const count = Math.floor(this.#options.limits.usualPageBytes / childBytes);
    return Math.min(Math.max(count, 1), MOST_PAGE_CHILDREN);
  }
}
