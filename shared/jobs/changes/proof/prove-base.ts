import { HoldfastError } from '../../../core/errors.ts';
import type { BackupKey } from '../../../core/ids.ts';
import { MiB } from '../../../core/units.ts';
import type { BackupReader } from '../../../repository/reading/backup-reader.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { ChangeDecoder, ChangeJoin, ChangeTransaction } from '../../../sources/changes.ts';
import type { ChangePlugin } from '../../../sources/plugin.ts';
import type { Fields } from '../../../sources/rows.ts';
import { type DatasetDiff, diffBackups } from '../../inside/diff.ts';
import { type KeyPart, partsOf, WHOLE } from '../../inside/key-parts.ts';
import { readRows } from '../../inside/read-rows.ts';
import { type ChosenMoment, chooseMoment } from '../choose-moment.ts';
import { asStored } from '../find-transaction.ts';
import { type ComparedDataset, compareRows, type RowDifference } from './compare-rows.ts';
import { followStream, noRows, type StreamRows } from './stream-rows.ts';

/** Of the rows of a dataset in which backup and stream do not agree, so many are named. */
const MOST_NAMED = 20;
/** What the stream makes of rows is held in memory up to so much at a time. */
const MOST_HELD_BYTES = 64 * MiB;

/** What a proof found of one dataset. */
export interface DatasetProof {
  readonly dataset: string;
  /** `not compared`: `why` says what stands in the way. */
  readonly state: 'equal' | 'different' | 'not compared';
  readonly why?: string | undefined;
  /** Names of the key's columns; of a dataset without a key, of all. */
  readonly columns: readonly string[];
  /** Rows in which backup and stream do not agree: how many, and the first of them. */
  readonly differing: number;
  readonly differences: readonly RowDifference[];
}

/** Whether a base is the one before it and what the stream has between the two. */
export interface Proof {
  readonly base: BackupKey;
  readonly before: BackupKey;
  readonly segments: number;
  /** Transactions that the earlier base lacks and the later one has. */
  readonly transactions: number;
  readonly state: 'equal' | 'different';
  readonly datasets: readonly DatasetProof[];
}

/** Which base is proven. */
export interface ProveOptions {
  readonly base: BackupKey;
  readonly plugin: ChangePlugin;
  /** @default 64 MiB */
  readonly mostHeldBytes?: number | undefined;
  readonly onWarning?: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Proves the stream by two backups that know nothing of it: the later one must be the earlier one and the stored changes between
 * them, row by row. Of the backups only what differs between them is read, unless the stream empties a table or changes rows back.
 *
 * @throws E_NO_MOMENT if no earlier base leads to it by stored changes; E_SOURCE_UNSUPPORTED, E_USAGE, E_DAMAGED, E_STORE_*,
 *   E_ABORTED
 */
export async function proveBase(repository: Repository, options: ProveOptions): Promise<Proof> {
  const { base, plugin, signal, mostHeldBytes = MOST_HELD_BYTES } = options;
  const decoder = await plugin.decoder?.();
  if (!decoder?.hasTransaction)
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      'changes of this kind of database cannot be proven in this release',
      { hint: 'Restore a moment into another database and compare: holdfast restore --at.' },
    );
  const { hasTransaction } = decoder;
  const later = await openBase(repository, base, signal);
  const chosen = await chooseMoment(repository, {
    source: later.reader.manifest.source,
    until: { at: later.join.at },
    compare: plugin.compare,
    olderThan: base,
    ...(options.onWarning ? { onWarning: options.onWarning } : {}),
    signal,
  });
  const earlier = await openBase(repository, chosen.base.key as BackupKey, signal);
  const isBetween = (transaction: ChangeTransaction) =>
    !hasTransaction(earlier.join, transaction) && hasTransaction(later.join, transaction);
  const stream = { repository, chosen, decoder, isBetween, mostHeldBytes, signal };
  const covered = coveredBy(chosen);
  const datasets = await Array.fromAsync(
    (async function* () {
      for await (const diff of diffBackups(earlier.reader, later.reader, { signal }))
        if (diff.kind === 'data') yield draftOf(diff, later.reader, { covered, signal });
    })(),
  );
  const transactions = await compareParts(stream, datasets, WHOLE);
  const proofs = datasets.map(({ proof }) => proof);
  return {
    base,
    before: chosen.base.key as BackupKey,
    segments: chosen.segments.length,
    transactions,
    state: proofs.some(({ state }) => state === 'different') ? 'different' : 'equal',
    datasets: proofs,
  };
}

interface Stream {
  readonly repository: Repository;
  readonly chosen: ChosenMoment;
  readonly decoder: ChangeDecoder;
  readonly isBetween: (transaction: ChangeTransaction) => boolean;
  readonly mostHeldBytes: number;
  readonly signal: AbortSignal;
}

interface Draft {
  proof: DatasetProof;
  readonly compared: ComparedDataset;
}

async function openBase(
  repository: Repository,
  key: BackupKey,
  signal: AbortSignal,
): Promise<{ readonly reader: BackupReader; readonly join: ChangeJoin }> {
  const reader = await repository.openBackup(key, signal);
  const { join } = reader.catalog;
  if (join) return { reader, join };
  throw new HoldfastError('E_USAGE', `${key} does not say where it joins the changes of its source`, {
    hint: 'Continuous backup has to be set up before a backup is made: `holdfast pitr setup`.',
  });
}

/** Datasets that all segments cover. */
function coveredBy({ segments }: ChosenMoment): ReadonlySet<string> {
  const all = segments.map(({ head }) => new Set(head.facts.datasets));
  return new Set([...(all[0] ?? [])].filter((name) => all.every((names) => names.has(name))));
}

function draftOf(
  diff: DatasetDiff,
  later: BackupReader,
  { covered, signal }: { readonly covered: ReadonlySet<string>; readonly signal: AbortSignal },
): Draft {
  const { dataset, columns, key } = diff;
  const names = columns.map(({ name }) => name);
  const why = whyNotCompared(diff, covered);
  const compared = {
    columns: names,
    key: key.map((name) => names.indexOf(name)),
    changes: () => diff.changes(),
    laterRows: async function* (): AsyncGenerator<Fields> {
      yield* (await readRows(later, { dataset, columns: names, signal })).rows();
    },
  };
  const state = why === undefined ? 'equal' : 'not compared';
  const shown = key.length === 0 ? names : key;
  return { proof: { dataset, state, why, columns: shown, differing: 0, differences: [] }, compared };
}

function whyNotCompared(diff: DatasetDiff, covered: ReadonlySet<string>): string | undefined {
  if (diff.isIn !== 'both') return 'only one of the backups has it';
  if (!covered.has(diff.dataset)) return 'the stream does not cover it';
  if (diff.addedColumns.length + diff.removedColumns.length > 0) return 'its columns changed';
  return undefined;
}

/** @returns how many transactions lie between the bases */
async function compareParts(stream: Stream, drafts: readonly Draft[], part: KeyPart): Promise<number> {
  const open = drafts.filter(({ proof }) => proof.state !== 'not compared');
  const shapes = new Map(open.map(({ proof, compared }) => [proof.dataset, compared]));
  const { mostHeldBytes: mostBytes } = stream;
  const followed = await followStream(transactionsOf(stream), shapes, { part, mostBytes });
  if (!followed) {
    let count = 0;
    for (const smaller of partsOf(part)) count = await compareParts(stream, drafts, smaller);
    return count;
  }
  for (const draft of open)
    await compareDraft(draft, followed.byDataset.get(draft.proof.dataset) ?? noRows(), part);
  return followed.transactions;
}

async function compareDraft(draft: Draft, rows: StreamRows, part: KeyPart): Promise<void> {
  if (rows.problem !== undefined) {
    draft.proof = { ...draft.proof, state: 'not compared', why: rows.problem };
    return;
  }
  for await (const difference of compareRows(draft.compared, rows, part)) {
    const { differing, differences } = draft.proof;
    draft.proof = {
      ...draft.proof,
      state: 'different',
      differing: differing + 1,
      differences: differing < MOST_NAMED ? [...differences, difference] : differences,
    };
  }
}

async function* transactionsOf(stream: Stream): AsyncGenerator<ChangeTransaction> {
  const { repository, chosen, decoder, isBetween, signal } = stream;
  for (const segment of chosen.segments) {
    const changes = asStored(repository.context, segment, signal);
    for await (const transaction of decoder.transactions(changes, signal)) {
      if (isBetween(transaction)) yield transaction;
      else for await (const _ of transaction.changes);
    }
  }
}
