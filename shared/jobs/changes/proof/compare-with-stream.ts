import { HoldfastError } from '../../../core/errors.ts';
import { MiB } from '../../../core/units.ts';
import type { OpenedSegment } from '../../../repository/changes/segment-reader.ts';
import type { RepositoryContext } from '../../../repository/context.ts';
import type { ChangeDecoder, ChangeJoin, ChangeTransaction, FollowedBase } from '../../../sources/changes.ts';
import type { ChangePlugin } from '../../../sources/plugin.ts';
import type { Fields } from '../../../sources/rows.ts';
import { type DatasetDiff, diffVersions } from '../../inside/diff.ts';
import { type KeyPart, partsOf, WHOLE } from '../../inside/key-parts.ts';
import { rowsOf } from '../../inside/read-rows.ts';
import type { Version } from '../../inside/version.ts';
import { asStored } from '../find-transaction.ts';
import { tellerAfter } from '../teller-after.ts';
import { type ComparedDataset, compareRows, type RowDifference } from './compare-rows.ts';
import { followStream, noRows, type StreamRows } from './stream-rows.ts';

/** How many rows of a dataset are named if backup and stream do not agree. */
const MOST_NAMED = 20;
/** How many datasets are named if none could be compared. */
const MOST_REASONS = 3;
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

/** Decodes changes into rows, and says what a base has. */
export type ProvingDecoder = ChangeDecoder & Required<Pick<ChangeDecoder, 'hasTransaction'>>;

/** @throws E_SOURCE_UNSUPPORTED if the changes of a kind of database are not decoded into rows */
export async function provingDecoder(plugin: ChangePlugin): Promise<ProvingDecoder> {
  const decoder = await plugin.decoder?.();
  if (decoder?.hasTransaction) return decoder as ProvingDecoder;
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    'changes of this kind of database cannot be compared with backups in this release',
    { hint: 'Restore a moment into another database and compare that: holdfast restore --at.' },
  );
}

/** What a comparison found. */
export interface StreamComparison {
  readonly transactions: number;
  readonly datasets: readonly DatasetProof[];
  /** Why it proves nothing, if none of what changed could be compared: names datasets. */
  readonly whyUnproven: string | undefined;
}

/** Changes that lead from one version of a database to another. */
export interface StreamBetween {
  readonly context: RepositoryContext;
  readonly segments: readonly OpenedSegment[];
  readonly decoder: ChangeDecoder;
  /** Where the earlier version joins the changes. */
  readonly join: ChangeJoin;
  /**
   * Begins to tell which transactions the earlier version lacks and the later one has: asked of each, in their order. They may be read
   * more than once.
   */
  readonly begin: () => (transaction: ChangeTransaction) => boolean;
  /** @default 64 MiB */
  readonly mostHeldBytes?: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Compares what the stream makes of the earlier version with the later one, row by row. Bounded memory: if rows that change are too many, both
 * are followed again for a part of the keys at a time.
 *
 * @throws E_DAMAGED, E_STORE_*, E_SOURCE_*, E_ABORTED
 */
export async function compareWithStream(
  stream: StreamBetween,
  earlier: Version,
  later: Version,
): Promise<StreamComparison> {
  const { signal } = stream;
  const covered = coveredBy(stream);
  const drafts: Draft[] = [];
  for await (const diff of diffVersions(earlier, later, { signal }))
    if (diff.kind === 'data') drafts.push(draftOf(diff, later, { covered, signal }));
  const following = { ...stream, base: { contents: earlier.contents, join: stream.join } };
  const transactions = await compareParts(following, drafts, WHOLE);
  const datasets = drafts.map(({ proof }) => proof);
  return { transactions, datasets, whyUnproven: whyUnproven(drafts) };
}

type Following = StreamBetween & { readonly base: FollowedBase };

interface Draft {
  proof: DatasetProof;
  /** By the stream, or from backup to backup; not known of what the stream does not cover. */
  isChanged: boolean;
  readonly compared: ComparedDataset;
}

/** Datasets that all segments cover. */
function coveredBy({ segments }: StreamBetween): ReadonlySet<string> {
  const all = segments.map(({ head }) => new Set(head.facts.datasets));
  return new Set([...(all[0] ?? [])].filter((name) => all.every((names) => names.has(name))));
}

function draftOf(
  diff: DatasetDiff,
  later: Version,
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
      yield* (await rowsOf(later.contents, { dataset, columns: names, signal })).rows();
    },
  };
  const state = why === undefined ? 'equal' : 'not compared';
  const shown = key.length === 0 ? names : key;
  return {
    proof: { dataset, state, why, columns: shown, differing: 0, differences: [] },
    isChanged: why !== undefined && why !== NOT_COVERED,
    compared,
  };
}

function whyNotCompared(diff: DatasetDiff, covered: ReadonlySet<string>): string | undefined {
  if (diff.isIn !== 'both') return 'only one of the backups has it';
  if (!covered.has(diff.dataset)) return NOT_COVERED;
  if (diff.addedColumns.length + diff.removedColumns.length > 0) return 'its columns changed';
  return undefined;
}

const NOT_COVERED = 'the stream does not cover it';

/** That a dataset which did not change is equal says nothing about those that did. */
function whyUnproven(drafts: readonly Draft[]): string | undefined {
  const isCompared = ({ proof }: Draft) => proof.state !== 'not compared';
  const compared = drafts.filter(isCompared);
  if (compared.some(({ proof, isChanged }) => isChanged || proof.state === 'different')) return undefined;
  const left = drafts.filter((draft) => !isCompared(draft) && (draft.isChanged || compared.length === 0));
  if (left.length === 0) return undefined;
  const named = left.slice(0, MOST_REASONS).map(({ proof: { dataset, why } }) => `${dataset}: ${why}`);
  const more = left.length > named.length ? `; and ${left.length - named.length} more` : '';
  const which = compared.length === 0 ? '' : ' that changed';
  return `no dataset${which} could be compared (${named.join('; ')}${more})`;
}

/** @returns how many transactions lie between the bases */
async function compareParts(stream: Following, drafts: readonly Draft[], part: KeyPart): Promise<number> {
  const open = drafts.filter(({ proof }) => proof.state !== 'not compared');
  const shapes = new Map(open.map(({ proof, compared }) => [proof.dataset, compared]));
  const { mostHeldBytes: mostBytes = MOST_HELD_BYTES } = stream;
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
  draft.isChanged ||= isTouched(rows);
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

function isTouched({ isEmptied, rows, counts, problem }: StreamRows): boolean {
  return isEmptied || rows.size > 0 || counts.size > 0 || problem !== undefined;
}

async function* transactionsOf(stream: Following): AsyncGenerator<ChangeTransaction> {
  const { context, segments, decoder, base, begin, signal } = stream;
  const isBetween = begin();
  const teller = await tellerAfter(decoder, base, signal);
  for (const segment of segments) {
    const changes = asStored(context, segment, signal);
    for await (const transaction of teller.transactions(changes, signal)) {
      if (isBetween(transaction)) yield transaction;
      else for await (const _ of transaction.changes);
    }
  }
}
