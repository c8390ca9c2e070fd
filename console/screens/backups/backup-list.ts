import { computed, signal } from '@preact/signals';
import type { BackupStateName } from '../../../shared/api/schema/backup-search.ts';
import { call } from '../../api/client.ts';
import { type Failure, failureOf } from '../../api/problem.ts';
import type { Backup } from '../../api/types.ts';
import { session } from '../../session/session.ts';

/** The most that the API returns at once. */
const PAGE = 200;

/** What to look for, as the API takes it; empty: everything. */
export interface ListFilter {
  readonly type: string;
  readonly source: string;
  readonly q: string;
  readonly state: BackupStateName | undefined;
  readonly from: string;
  readonly to: string;
}

/** What the state of a backup is called. */
export const STATES = {
  waiting: 'Suspect',
  damaged: 'Damaged',
  held: 'Held',
  unverified: 'Never verified',
  verified: 'Verified',
  drilled: 'Drilled',
} as const satisfies Readonly<Record<BackupStateName, string>>;

/** The backups that pass a filter, page by page, newest first. */
export class BackupList {
  /** The scroll position. */
  readonly place = { top: 0 };
  readonly backups = signal<readonly Backup[]>([]);
  readonly failure = signal<Failure | undefined>(undefined);
  readonly isLoading = signal(false);
  readonly #cursor = signal<string | null | undefined>(undefined);
  /** Whether the last page is loaded. */
  readonly isWhole = computed(() => this.#cursor.value === null);
  readonly isFirst = computed(() => this.#cursor.value === undefined);
  readonly #filter: ListFilter;

  constructor(filter: ListFilter) {
    this.#filter = filter;
  }

  /** Loads the next page, if there is one and none is loading. */
  async more(): Promise<void> {
    if (this.isLoading.value || this.#cursor.value === null) return;
    this.isLoading.value = true;
    try {
      const { backups, nextCursor } = await this.#page(this.#cursor.value);
      this.backups.value = [...this.backups.value, ...backups];
      this.#cursor.value = nextCursor;
      this.failure.value = undefined;
    } catch (error) {
      this.failure.value = failureOf(error);
    } finally {
      this.isLoading.value = false;
    }
  }

  /** Adds new ones in front and updates changed ones in place; everything shown stays where it is. */
  async renew(): Promise<void> {
    if (this.isLoading.value || this.isFirst.value) return;
    try {
      const { backups } = await this.#page(undefined);
      const fresh = new Set(backups.map(({ key }) => key));
      const last = backups.at(-1)?.startedAt ?? '';
      const older = this.backups.value.filter(({ key, startedAt }) => !fresh.has(key) && startedAt < last);
      this.backups.value = [...backups, ...older];
      this.failure.value = undefined;
    } catch (error) {
      this.failure.value = failureOf(error);
    }
  }

  #page(cursor: string | undefined) {
    return call('list', { query: { ...this.#filter, cursor, limit: PAGE } });
  }
}

let kept: { readonly of: string; readonly list: BackupList } | undefined;
// Somebody else may sign in.
session.subscribe(({ kind }) => {
  if (kind === 'signed-out') kept = undefined;
});

/** The list for that filter, as it was left; only the last filter's list is kept. */
export function keptList(filter: ListFilter): BackupList {
  const of = JSON.stringify(filter);
  if (kept?.of !== of) kept = { of, list: new BackupList(filter) };
  return kept.list;
}
