import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { MiB } from '../../core/units.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeDecoder, ChangeTransaction } from '../../sources/changes.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import { WHOLE } from '../inside/key-parts.ts';
import { rowShapeOf } from '../inside/row-shape.ts';
import { contentsOf } from '../restore/contents.ts';
import { type ChosenMoment, chooseMoment, hasDefinitions, type MomentWanted } from './choose-moment.ts';
import { asStored } from './find-transaction.ts';
import { followStream, type KeyedDataset, type StreamRows } from './proof/stream-rows.ts';
import { tellerAfter } from './teller-after.ts';

/** What changed rows are held in. */
export const MOST_FOLLOWED_BYTES = 64 * MiB;

/** A decoder that says what rows hold. */
export type ValueDecoder = ChangeDecoder & Required<Pick<ChangeDecoder, 'hasTransaction' | 'recordWriter'>>;

/** A base, the changes after it, and what reads them. */
export interface BaseAndStream {
  readonly reader: BackupReader;
  readonly chosen: ChosenMoment;
  readonly decoder: ValueDecoder;
  /** By dataset of the base. */
  readonly shapes: ReadonlyMap<string, KeyedDataset>;
}

/** @throws E_SOURCE_UNSUPPORTED for a kind whose stored changes do not say what rows hold */
export async function valueDecoder(plugin: ChangePlugin, what: string): Promise<ValueDecoder> {
  const decoder = await plugin.decoder?.();
  if (hasValues(decoder)) return decoder;
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `${what}: the stored changes of this kind of database do not include what rows held before`,
    {
      hint: 'Restore the moment before it into another database and compare: holdfast restore --at, then holdfast diff.',
    },
  );
}

function hasValues(decoder: ChangeDecoder | undefined): decoder is ValueDecoder {
  return decoder?.hasTransaction !== undefined && decoder.recordWriter !== undefined;
}

/** The newest base before a moment with what follows it. @throws as `chooseMoment`, and E_DAMAGED, E_NO_KEY */
export async function openBaseAndStream(
  repository: Repository,
  decoder: ValueDecoder,
  wanted: MomentWanted,
): Promise<BaseAndStream> {
  return openChosen(repository, decoder, await chooseMoment(repository, wanted), wanted.signal);
}

/** The same of what is chosen already. */
export async function openChosen(
  repository: Repository,
  decoder: ValueDecoder,
  chosen: ChosenMoment,
  signal: AbortSignal,
): Promise<BaseAndStream> {
  if (hasDefinitions(chosen))
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `tables were defined anew after ${chosen.base.key}: its columns are not those of the changes`,
      {
        hint: 'Restore the moment into another database instead: holdfast restore --at or --before-transaction.',
      },
    );
  const reader = await repository.openBackup(chosen.base.key as BackupKey, signal);
  const contents = contentsOf(reader);
  const shapes = new Map<string, KeyedDataset>();
  for (const dataset of contents.datasets) {
    if (dataset.kind !== 'data') continue;
    const { columns, key } = await rowShapeOf(contents, dataset, signal);
    shapes.set(dataset.name, { columns: columns.map(({ name }) => name), key });
  }
  return { reader, chosen, decoder, shapes };
}

/** The transactions that a base lacks, in their order. @throws E_DAMAGED, E_STORE_*, E_ABORTED */
export async function* transactionsAfter(
  { context }: Repository,
  { reader, chosen, decoder }: Pick<BaseAndStream, 'reader' | 'chosen' | 'decoder'>,
  signal: AbortSignal,
): AsyncGenerator<ChangeTransaction> {
  const base = { contents: contentsOf(reader), join: chosen.join };
  const teller = await tellerAfter(decoder, base, signal);
  for (const segment of chosen.segments) {
    const changes = asStored(context, segment, signal);
    for await (const transaction of teller.transactions(changes, signal)) {
      if (!decoder.hasTransaction(chosen.join, transaction)) yield transaction;
      else for await (const _ of transaction.changes);
    }
  }
}

/**
 * What transactions make of the rows of a base.
 *
 * @param only of these datasets. @default all
 * @throws E_USAGE if they changed more rows than are held; E_DAMAGED, E_STORE_*
 */
export async function rowsAfter(
  transactions: AsyncIterable<ChangeTransaction>,
  { shapes }: Pick<BaseAndStream, 'shapes'>,
  {
    mostBytes = MOST_FOLLOWED_BYTES,
    only,
  }: { readonly mostBytes?: number; readonly only?: ReadonlySet<string> } = {},
): Promise<ReadonlyMap<string, StreamRows>> {
  const wanted = only ? new Map([...shapes].filter(([name]) => only.has(name))) : shapes;
  const followed = await followStream(transactions, wanted, { part: WHOLE, mostBytes });
  if (followed) return followed.byDataset;
  throw new HoldfastError(
    'E_USAGE',
    `more than ${mostBytes / MiB} MiB of rows changed between the backup and that moment`,
    {
      hint: 'Restore the moment into another database instead: holdfast restore --at or --before-transaction.',
    },
  );
}

/** @throws E_SOURCE_UNSUPPORTED if the stream does not say all of what rows hold */
export function refuseUnsaid(changed: ReadonlyMap<string, StreamRows>): void {
  for (const [name, { problem, isUnsaid }] of changed) {
    const why =
      problem ??
      (isUnsaid ? 'a row got another key, and the stream does not repeat its large values' : undefined);
    if (why === undefined) continue;
    throw new HoldfastError('E_SOURCE_UNSUPPORTED', `changes of ${name} cannot be followed: ${why}`, {
      hint: 'Restore the moment into another database instead: holdfast restore --at or --before-transaction.',
    });
  }
}
