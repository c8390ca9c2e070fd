import { MINUTE_MS } from '../../core/units.ts';
import type { ManifestRef } from '../../format/manifest.ts';
import type { RemovedBackup } from '../../repository/documents/removed-backups.ts';
import type { Sequence, SequenceLink } from '../../repository/documents/sequence-links.ts';

/** How far clocks may differ, and names within one second be moved. */
const SLACK_MS = 5 * MINUTE_MS;

/** The newest of a source, by its number. */
export interface SequenceHead extends ManifestRef {
  readonly source: SequenceLink['source'];
  readonly number: number;
}

/** Something that does not fit into a source's sequence. */
export interface SequenceBreak {
  /** The manifest that is missing or was changed; if its name is not known, the one that refers to it. */
  readonly object: string;
  readonly problem: string;
}

/** What is known of one source. */
export interface SourceSequence {
  /** Listed and proven. */
  readonly links: readonly SequenceLink[];
  /** Those that prunes removed, by their reports. */
  readonly removed: readonly RemovedBackup[];
}

/** What is known of the backups around a break. */
export interface Surroundings {
  /** Whether a backup is listed, proven or not. */
  readonly isListed: (key: string) => boolean;
  /** Whether a prune of an older release, which recorded no hashes, removed it. */
  readonly wasRemovedBefore: (key: string) => boolean;
}

type Numbered = SequenceLink & { readonly sequence: Sequence };

/** Pure. docs/reference/format.md, "Sequence". */
export function findBreaks(
  { links, removed }: SourceSequence,
  surroundings: Surroundings,
): readonly SequenceBreak[] {
  const known = { byKey: new Map(links.map((link) => [link.key as string, link])), removed, ...surroundings };
  const numbered = links.filter((link): link is Numbered => link.sequence !== undefined);
  const found = [
    ...numbered.flatMap((link) => link.sequence.previous.flatMap((ref) => breakOfRef(link, ref, known))),
    ...numbered.flatMap(breakOfLink),
    ...numbered.flatMap((link) => breakBeside(link, numbered)),
    ...gaps(numbered, removed),
  ];
  return [...new Map(found.map((one) => [`${one.object} ${one.problem}`, one])).values()];
}

/** The newest of each source. */
export function headsOf(links: readonly SequenceLink[]): readonly SequenceHead[] {
  return [...Map.groupBy(links, sourceId).values()].flatMap((some) => headOf(some) ?? []);
}

/** Identifies a source. */
export function sourceId({ source: { kind, name } }: Pick<SequenceLink, 'source'>): string {
  return JSON.stringify([kind, name]);
}

/** The newest of a source; if several have the same number, the one whose name comes last. */
function headOf(links: readonly SequenceLink[]): SequenceHead | undefined {
  const heads = links.flatMap(({ key, sha256, source, sequence }) =>
    sequence ? [{ key, sha256, source, number: sequence.number }] : [],
  );
  return heads.toSorted((a, b) => b.number - a.number || (a.key < b.key ? 1 : -1))[0];
}

/** Whether what was once seen as the newest still exists, or was removed by a prune. */
export function breakOfHead(
  seen: SequenceHead,
  { links, removed }: SourceSequence,
): SequenceBreak | undefined {
  const isSeen = ({ sha256 }: ManifestRef) => sha256 === seen.sha256;
  if (links.some(isSeen) || removed.some(isSeen)) return undefined;
  const now = headOf(links);
  const what = `backup ${seen.number} of ${seen.source.name}, SHA-256 ${seen.sha256.slice(0, 16)}…`;
  const there = now ? `the newest is now number ${now.number}` : 'this source now has no backup';
  return {
    object: seen.key,
    problem: `${what}, was seen before but is missing: ${there}; no prune removed it`,
  };
}

interface Known extends Surroundings {
  readonly byKey: ReadonlyMap<string, SequenceLink>;
  readonly removed: readonly RemovedBackup[];
}

/** One that a backup names as its predecessor must exist unchanged, or have been removed. */
function breakOfRef(link: Numbered, ref: ManifestRef, known: Known): readonly SequenceBreak[] {
  const { number } = link.sequence;
  const there = known.byKey.get(ref.key);
  if (there?.sha256 === ref.sha256) {
    const before = there.sequence?.number ?? 0;
    if (before === number - 1) return [];
    return [
      {
        object: link.key,
        problem: `says that it is number ${number}, but its predecessor, ${ref.key}, has ${before}`,
      },
    ];
  }
  if (known.removed.some(({ sha256 }) => sha256 === ref.sha256)) return [];
  if (there)
    return [
      {
        object: ref.key,
        problem: `is not the backup that ${link.key} follows: it was replaced`,
      },
    ];
  // An untrusted one is a finding of its own.
  if (known.isListed(ref.key) || known.wasRemovedBefore(ref.key)) return [];
  const name = number > 1 ? `, number ${number - 1} of its source,` : '';
  return [{ object: ref.key, problem: `is missing: ${link.key} follows it${name} and no prune removed it` }];
}

function breakOfLink({ key, sequence: { number, previous } }: Numbered): readonly SequenceBreak[] {
  if (number === 1 || previous.length > 0) return [];
  return [{ object: key, problem: `says that it is number ${number}, but names no predecessor` }];
}

/**
 * Two with the same number, or one that the next does not name, were made without knowledge of each other: so
 * at the same time.
 */
function breakBeside(link: Numbered, all: readonly Numbered[]): readonly SequenceBreak[] {
  const { number } = link.sequence;
  const siblings = all.filter((one) => one !== link && one.sequence.number === number);
  const next = all.filter(({ sequence }) => sequence.number === number + 1);
  const isNamed =
    next.length === 0 || next.some(({ sequence }) => sequence.previous.some(({ key }) => key === link.key));
  if (siblings.length === 0 && isNamed) return [];
  const others = [...siblings, ...next];
  if (others.some((one) => isAtOnce(one, link))) return [];
  const [other] = siblings.length > 0 ? siblings : next;
  const problem =
    siblings.length > 0
      ? `is number ${number} of its source, and so is ${other?.key}, which was made at another time: one of them did not exist when the other was made`
      : `is number ${number} of its source, but did not exist when the next, ${other?.key}, was made`;
  return [{ object: link.key, problem }];
}

function isAtOnce(one: SequenceLink, other: SequenceLink): boolean {
  const latest = Math.max(one.from.getTime(), other.from.getTime());
  return latest <= Math.min(one.to.getTime(), other.to.getTime()) + SLACK_MS;
}

/**
 * Numbers before the existing ones about which nothing is known. One that the next backup names is reported
 * there.
 */
function gaps(links: readonly Numbered[], removed: readonly RemovedBackup[]): readonly SequenceBreak[] {
  const sorted = links.toSorted((a, b) => a.sequence.number - b.sequence.number);
  const gone = new Set(removed.flatMap(({ number }) => number ?? []));
  return sorted.flatMap((link, i) => {
    const before = sorted[i - 1]?.sequence.number ?? 0;
    const missing: number[] = [];
    for (let number = before + 1; number < link.sequence.number - 1; number++)
      if (!gone.has(number)) missing.push(number);
    if (missing.length === 0) return [];
    const shown = missing.length > 5 ? `${missing.slice(0, 5).join(', ')}, …` : missing.join(', ');
    return [
      {
        object: link.key,
        problem: `follows numbers of its source that are missing, and that no prune removed: ${shown}`,
      },
    ];
  });
}
