import { changesFolder } from '../../format/change-keys.ts';
import { listSegments } from '../../repository/changes/list-segments.ts';
import { type OpenedSegment, readChanges, readSegment } from '../../repository/changes/segment-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeDecoder, ChangeJoin, ChangeTransaction, StoredChanges } from '../../sources/changes.ts';
import { type ChosenMoment, chooseMoment, type MomentWanted, noMoment } from './choose-moment.ts';

/** A decoder that knows which base has which transaction. */
export type FindingDecoder = ChangeDecoder & Required<Pick<ChangeDecoder, 'hasTransaction'>>;

/**
 * The newest base that lacks a transaction, and the segments from there up to it. The clock does not decide: some servers log whole seconds,
 * and commits are not in the order of their times.
 *
 * @throws E_NO_MOMENT if no stored change is of that transaction; as `chooseMoment`
 */
export async function chooseBeforeTransaction(
  repository: Repository,
  id: string,
  { decoder, ...wanted }: Omit<MomentWanted, 'until'> & { readonly decoder: FindingDecoder },
): Promise<ChosenMoment> {
  const until = { beforeTransaction: id };
  const found = await findTransaction(repository, id, wanted.source, decoder, wanted.signal);
  if (!found) throw noMoment(wanted.source.name, until, 'no stored change belongs to that transaction');
  const isLacking = (join: ChangeJoin) => !decoder.hasTransaction(join, found);
  return chooseMoment(repository, { ...wanted, until, upTo: { number: found.segment, isLacking } });
}

interface FoundTransaction extends Pick<ChangeTransaction, 'id' | 'position'> {
  /** Number of its segment. */
  readonly segment: number;
}

/** Newest segments first: ids may come again after many years. */
async function findTransaction(
  { context }: Repository,
  id: string,
  source: MomentWanted['source'],
  decoder: ChangeDecoder,
  signal: AbortSignal,
): Promise<FoundTransaction | undefined> {
  for await (const listed of listSegments(context.store, changesFolder(source), { signal })) {
    const segment = await readSegment(context, listed, signal);
    if (segment.head.facts.transactions === 0) continue;
    const changes = asStored(context, segment, signal);
    for await (const transaction of decoder.transactions(changes, signal)) {
      if (transaction.id === id) return { id, position: transaction.position, segment: segment.head.number };
      for await (const _ of transaction.changes);
    }
  }
  return undefined;
}

/** A segment as a replay or a decoder takes it. */
export function asStored(
  context: Repository['context'],
  segment: OpenedSegment,
  signal: AbortSignal,
): StoredChanges {
  const { from, to, facts } = segment.head;
  return { from, to, facts, bytes: () => readChanges(context, segment, signal) };
}
