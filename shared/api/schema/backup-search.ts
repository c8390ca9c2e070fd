/** States that backups can be searched for. */
export const BACKUP_STATES = ['waiting', 'damaged', 'held', 'unverified', 'verified', 'drilled'] as const;
/** A state that backups are searched by. */
export type BackupStateName = (typeof BACKUP_STATES)[number];

/** What a search looks at of a backup. */
export interface SearchedBackup {
  readonly name: string;
  readonly type: string;
  readonly note: string | null;
  readonly source: { readonly name: string };
  readonly state: 'whole' | 'unproven' | 'damaged';
  readonly suspect: readonly unknown[];
  readonly marks: {
    readonly hold?: unknown;
    readonly accept?: unknown;
    readonly verify?: { readonly isWhole: boolean };
    readonly drill?: unknown;
  };
}

const IS_STATE: Readonly<Record<BackupStateName, (backup: SearchedBackup) => boolean>> = {
  waiting: ({ suspect, marks }) => suspect.length > 0 && marks.accept === undefined,
  damaged: ({ state, marks }) => state === 'damaged' || marks.verify?.isWhole === false,
  held: ({ marks }) => marks.hold !== undefined,
  unverified: ({ marks }) => marks.verify === undefined,
  verified: ({ marks }) => marks.verify?.isWhole === true,
  drilled: ({ marks }) => marks.drill !== undefined,
};

/** Finds backups of that state whose name, type, note and source together contain all words of the text. */
export function backupSearch({
  q = '',
  state,
}: {
  readonly q?: string | undefined;
  readonly state?: BackupStateName | undefined;
}): (backup: SearchedBackup) => boolean {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const isState = state === undefined ? () => true : IS_STATE[state];
  return (backup) => isState(backup) && hasWords(backup, words);
}

function hasWords({ name, type, note, source }: SearchedBackup, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = `${name} ${type} ${note ?? ''} ${source.name}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
