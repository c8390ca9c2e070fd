import type { SuspectThresholds } from '../../config/suspects.ts';
import type { DatasetSuspicion, Suspect } from '../../format/catalog.ts';
import type { SuspicionCode } from '../../format/manifest.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import {
  type DatasetFigures,
  figuresOf,
  type WrittenFigures,
} from '../../repository/reading/dataset-figures.ts';
import type { Ancestors } from './ancestors.ts';

/** Stored bytes per plain byte: 0.5 for random bytes as hex digits, about 0.4 for prose. */
const INCOMPRESSIBLE = 0.45;
/** If tables are stored as columns, unencrypted ones take little compared with encrypted ones. */
const HARDLY_COMPRESSIBLE = 0.3;
/** If less than this share of a dataset is unchanged, it counts as replaced. */
const LEFT_SHARE = 1 / 2;
/** Sizes of compressed records are given per this many. */
const SIZE_RECORDS = 1000;

/** Figures of two backups of one source. */
export interface Comparison {
  /** Datasets of the newest good backup. */
  readonly before: readonly DatasetFigures[];
  readonly now: readonly WrittenFigures[];
  readonly thresholds: SuspectThresholds;
  /** Datasets that a later, unaccepted backup was suspected of having replaced; null: the whole backup. */
  readonly replaced: ReadonlySet<string | null>;
  /** Whether this run compresses; if not, sizes say nothing. */
  readonly compresses: boolean;
}

type Before = Omit<DatasetFigures, 'name' | 'chunks' | 'isBookkeeping'>;
type Now = Omit<WrittenFigures, 'name' | 'chunks' | 'newChunks' | 'isBookkeeping'>;

/** A dataset then and now, or the backup as a whole (`dataset` null). */
interface Subject {
  readonly dataset: string | null;
  readonly before: Before;
  readonly now: Now | undefined;
}

/** A backup that a new one is judged against. */
export interface AncestorFigures {
  readonly key: string;
  readonly records: number;
  readonly suspect: Suspect | undefined;
  readonly datasets: readonly DatasetFigures[];
}

/** The figures that a backup is judged by. */
export interface JudgedBy {
  readonly parent: AncestorFigures | undefined;
  /** The newest good one, often the parent itself. */
  readonly good: AncestorFigures | undefined;
}

/** The same of the backups that it follows. */
export function figuresOfAncestors({ parent, good }: Ancestors): JudgedBy {
  // An imported backup says nothing about what the database should hold now.
  const ofParent = parent && !parent.manifest.imported ? figuresOfBackup(parent) : undefined;
  return { parent: ofParent, good: good === parent ? ofParent : good && figuresOfBackup(good) };
}

function figuresOfBackup({ manifest, catalog }: BackupReader): AncestorFigures {
  return {
    key: manifest.key,
    records: manifest.totals.records,
    suspect: catalog.suspect,
    datasets: catalog.datasets.map(figuresOf),
  };
}

/**
 * What is suspect about a backup that is about to be listed; undefined if nothing is, and for a source's
 * first backup. Without a good backup to compare with, it inherits what its parent is suspected of: nobody
 * can tell.
 */
export function judgeAgainst(
  { parent, good }: JudgedBy,
  now: readonly WrittenFigures[],
  options: Pick<Comparison, 'thresholds' | 'compresses'>,
): Suspect | undefined {
  const base = good ?? parent;
  if (!base) return undefined;
  const ofParent = parent === good ? undefined : parent?.suspect;
  const replaced = (ofParent?.findings ?? []).filter(({ code }) => code === 'ratio-collapsed');
  const found = findSuspicions({
    before: base.datasets,
    now,
    replaced: new Set(replaced.map(({ dataset }) => dataset)),
    ...options,
  });
  const carried = good ? [] : (ofParent?.findings ?? []);
  const names = new Set(carried.map(nameOf));
  const findings = [...carried, ...found.filter((finding) => !names.has(nameOf(finding)))];
  const against = good || !ofParent ? base.key : ofParent.against;
  return findings.length > 0 ? { against, findings } : undefined;
}

function nameOf({ code, dataset }: DatasetSuspicion): string {
  return JSON.stringify([code, dataset]);
}

/**
 * What a backup that is about to be listed lacks, or holds in a form that no longer compresses, compared with
 * the newest good one. Nothing new, too small, or named in `ignoreDatasets` is suspect.
 */
export function findSuspicions(comparison: Comparison): readonly DatasetSuspicion[] {
  const ignored = matcher(comparison.thresholds.ignoreDatasets);
  const bookkeeping = new Set(
    [...comparison.before, ...comparison.now].filter((one) => one.isBookkeeping).map(({ name }) => name),
  );
  const isJudged = ({ name }: DatasetFigures) => !ignored(name) && !bookkeeping.has(name);
  const before = comparison.before.filter(isJudged);
  const now = comparison.now.filter(isJudged);
  const byName = new Map(now.map((figures) => [figures.name, figures]));
  const subjects: Subject[] = [
    ...before.map((figures) => ({ dataset: figures.name, before: figures, now: byName.get(figures.name) })),
    { dataset: null, before: wholeBefore(before), now: wholeNow(now) },
  ];
  return subjects.flatMap((subject) => [
    ...lost(subject, comparison.thresholds),
    ...collapsed(subject, comparison),
  ]);
}

function lost({ dataset, before, now }: Subject, thresholds: SuspectThresholds): readonly DatasetSuspicion[] {
  const code = lossCode(dataset === null, before, now, thresholds);
  return code ? [{ code, dataset, before: before.records, now: now?.records ?? 0 }] : [];
}

function lossCode(
  isWhole: boolean,
  before: Before,
  now: Now | undefined,
  { recordsDownBy, minRecords }: SuspectThresholds,
): SuspicionCode | undefined {
  const records = now?.records ?? 0;
  const isDown = records <= before.records * (1 - recordsDownBy);
  const isLarge = before.records >= minRecords;
  if (before.records === 0) return undefined;
  if (before.kind === 'schema') return records === 0 || (isLarge && isDown) ? 'schema-gone' : undefined;
  if (isWhole && records === 0) return 'empty-read';
  if (!isLarge || !isDown) return undefined;
  if (!now) return 'dataset-vanished';
  return records === 0 ? 'empty-read' : 'records-down';
}

/** Mass encryption: most of it was rewritten, and a record takes far more space and no longer compresses. */
function collapsed(
  { dataset, before, now }: Subject,
  { thresholds, replaced, compresses }: Comparison,
): readonly DatasetSuspicion[] {
  const { minRecords, minBytes, recordSizeUp } = thresholds;
  if (!compresses || !now || now.records === 0 || before.kind === 'schema') return [];
  // The small rest of a table compresses badly in any case; its smallness is a finding of its own.
  const isSmall = before.records < minRecords || Math.min(before.plainBytes, now.plainBytes) < minBytes;
  if (before.wholeBytes === undefined || isSmall) return [];
  const isReplaced = replaced.has(dataset) || now.keptBytes < before.plainBytes * LEFT_SHARE;
  const was = perRecord(before.wholeBytes, before);
  const is = perRecord(now.wholeBytes, now);
  const grewBy = { whole: is.whole - was.whole, plain: is.plain - was.plain };
  const hardlyCompresses =
    is.whole >= is.plain * HARDLY_COMPRESSIBLE && grewBy.whole >= grewBy.plain * INCOMPRESSIBLE;
  if (!isReplaced || is.whole < was.whole * recordSizeUp || !hardlyCompresses) return [];
  const size = (bytes: number) => Math.round(bytes * SIZE_RECORDS);
  return [{ code: 'ratio-collapsed', dataset, before: size(was.whole), now: size(is.whole) }];
}

/** Bytes per record, compressed and plain. */
function perRecord(wholeBytes: number, { records, plainBytes }: Pick<Now, 'records' | 'plainBytes'>) {
  return { whole: wholeBytes / records, plain: plainBytes / records };
}

function wholeBefore(figures: readonly DatasetFigures[]): Before {
  const data = figures.filter(({ kind }) => kind === 'data');
  const isKnown = data.every(({ wholeBytes }) => wholeBytes !== undefined);
  const wholeBytes = isKnown ? sum(data, ({ wholeBytes: bytes }) => bytes ?? 0) : undefined;
  return { ...counts(data), wholeBytes };
}

function wholeNow(figures: readonly WrittenFigures[]): Now {
  const data = figures.filter(({ kind }) => kind === 'data');
  const wholeBytes = sum(data, (one) => one.wholeBytes);
  return { ...counts(data), wholeBytes, keptBytes: sum(data, ({ keptBytes }) => keptBytes) };
}

function counts(data: readonly DatasetFigures[]) {
  const records = sum(data, (one) => one.records);
  return { kind: 'data' as const, records, plainBytes: sum(data, ({ plainBytes }) => plainBytes) };
}

function sum<T>(things: readonly T[], count: (thing: T) => number): number {
  return things.reduce((total, thing) => total + count(thing), 0);
}

/** Names, with `*` for anything. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const forms = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`, 's');
  });
  return (name) => forms.some((form) => form.test(name));
}
