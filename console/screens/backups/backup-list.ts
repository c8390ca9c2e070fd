import { computed, signal } from '@preact/signals';
import { call } from '../../api/client.ts';
import { type Failure, failureOf } from '../../api/problem.ts';
import type { Backup } from '../../api/types.ts';
import { session } from '../../session/session.ts';
import { isDamaged, isWaiting } from '../../ui/backup-state.tsx';

/** Most that the API gives at once. */
const PAGE = 200;

/** What the API filters by. */
export interface ListFilter {
  readonly type: string;
  readonly source: string;
  readonly from: string;
  readonly to: string;
}

export const STATES = {
  waiting: 'Suspect',
  damaged: 'Damaged',
  held: 'Held',
  unverified: 'Never verified',
  verified: 'Verified',
  drilled: 'Drilled',
} as const;
export type StateName = keyof typeof STATES;

const IS_STATE: Readonly<Record<StateName, (backup: Backup) => boolean>> = {
  waiting: isWaiting,
  damaged: isDamaged,
  held: ({ marks }) => marks.hold !== undefined,
  unverified: ({ marks }) => marks.verify === undefined,
  verified: ({ marks }) => marks.verify?.isWhole === true,
  drilled: ({ marks }) => marks.drill !== undefined,
};

/** The backups that a filter lets pass, page by page, newest first. */
export class BackupList {
  /** How far down one has scrolled in it. */
  readonly place = { top: 0 };
  readonly backups = signal<readonly Backup[]>([]);
  readonly failure = signal<Failure | undefined>(undefined);
  readonly isLoading = signal(false);
  readonly #cursor = signal<string | null | undefined>(undefined);
  /** Whether the last page is there. */
  readonly isWhole = computed(() => this.#cursor.value === null);
  readonly isFirst = computed(() => this.#cursor.value === undefined);
  readonly #filter: ListFilter;

  constructor(filter: ListFilter) {
    this.#filter = filter;
  }

  /** Loads the next page, if there is one and none is on its way. */
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

  /** Puts what is new in front, and what changed in its place; what is shown stays where it is. */
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

/** The list of that filter, as one left it; of the last filter alone. */
export function keptList(filter: ListFilter): BackupList {
  const of = JSON.stringify(filter);
  if (kept?.of !== of) kept = { of, list: new BackupList(filter) };
  return kept.list;
}

/** Those that a search and a state leave, among what is loaded. */
export function matching(
  backups: readonly Backup[],
  search: string,
  state: StateName | undefined,
): readonly Backup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const isState = state === undefined ? () => true : IS_STATE[state];
  if (words.length === 0 && state === undefined) return backups;
  return backups.filter((backup) => isState(backup) && isFound(backup, words));
}

function isFound({ name, type, note, source }: Backup, words: readonly string[]): boolean {
  const text = `${name} ${type} ${note ?? ''} ${source.name}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
