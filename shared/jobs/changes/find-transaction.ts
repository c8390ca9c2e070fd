import type { BackupKey } from '../../core/ids.ts';
import { changesFolder } from '../../format/change-keys.ts';
import { listSegments } from '../../repository/changes/list-segments.ts';
import { type OpenedSegment, readChanges, readSegment } from '../../repository/changes/segment-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeDecoder, StoredChanges } from '../../sources/changes.ts';
import { type ChosenMoment, chooseMoment, type MomentWanted, noMoment } from './choose-moment.ts';

/**
 * The newest base that surely lacks a transaction, and the segments from there up to it.
 *
 * @throws E_NO_MOMENT if no stored change is of that transaction; as `chooseMoment`
 */
export async function chooseBeforeTransaction(
  repository: Repository,
  id: string,
  { decoder, ...wanted }: Omit<MomentWanted, 'until'> & { readonly decoder: ChangeDecoder },
): Promise<ChosenMoment> {
  const until = { beforeTransaction: id };
  const found = await findTransaction(repository, id, wanted.source, decoder, wanted.signal);
  if (!found) throw noMoment(wanted.source.name, until, 'no stored change belongs to that transaction');
  const chosen = await chooseMoment(repository, { ...wanted, until: { at: justBefore(found.committedAt) } });
  const whole = await chooseUpTo(repository, chosen, found.segment, wanted);
  return { ...whole, until };
}

/**
 * The segments up to one that may lie behind those that reach the moment: commits are not in the order of their times, and some servers
 * know only the second. A base may have been made in between.
 */
async function chooseUpTo(
  repository: Repository,
  chosen: ChosenMoment,
  { head }: OpenedSegment,
  wanted: Omit<MomentWanted, 'until'>,
): Promise<ChosenMoment> {
  const last = chosen.segments.at(-1)?.head.number ?? 0;
  if (last >= head.number) return chosen;
  const only = chosen.base.key as BackupKey;
  return chooseMoment(repository, { ...wanted, only, until: { at: head.facts.readAt } });
}

interface FoundTransaction {
  readonly segment: OpenedSegment;
  readonly committedAt: string;
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
      if (transaction.id === id) return { segment, committedAt: transaction.committedAt };
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

/** A microsecond earlier. */
function justBefore(moment: string): string {
  const [seconds = '', fraction = ''] = moment.slice(0, -1).split('.');
  if (fraction !== '000000') return `${seconds}.${String(Number(fraction) - 1).padStart(6, '0')}Z`;
  const before = new Date(Date.parse(`${seconds}Z`) - 1).toISOString().slice(0, 19);
  return `${before}.999999Z`;
}
