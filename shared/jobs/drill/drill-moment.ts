import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeTransaction } from '../../sources/changes.ts';
import type { StoredDataset } from '../../sources/contents.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import { pluginNamed } from '../../sources/registry.ts';
import type { Scratch } from '../../sources/scratch.ts';
import { type ChosenMoment, chooseMoment } from '../changes/choose-moment.ts';
import {
  compareWithStream,
  type DatasetProof,
  provingDecoder,
} from '../changes/proof/compare-with-stream.ts';
import { provenDatasets } from '../changes/proof/proven-datasets.ts';
import { applyMoment, refuseHole } from '../changes/restore-moment.ts';
import { backupVersion, openLive } from '../inside/version.ts';

/** What came of the moment that a drill restored after its backup. */
export interface DrilledMoment {
  /** ISO in UTC with microseconds, by the clock of the source's server. */
  readonly at: string;
  readonly segments: number;
  readonly transactions: number;
  readonly rows: number;
  /** Of the changes that were applied. */
  readonly plainBytes: number;
  readonly replayMs: number;
  /**
   * What the database holds then against backup and stored changes, which are decoded and counted apart from what applied them. `not
   * compared`: the changes do not say what rows hold; `why` says more.
   */
  readonly outcome: 'equal' | 'different' | 'not compared';
  readonly why?: string | undefined;
  readonly datasets: readonly DatasetProof[];
}

/** How a moment is chosen and restored. */
export interface DrillMomentOptions {
  readonly plugin: ChangePlugin;
  /** From 0 up to 1. @default Math.random */
  readonly random?: () => number;
}

/** A moment that was restored, or why none was, as a drill says it. */
export interface MomentReport {
  readonly moment: DrilledMoment | undefined;
  /** Members of the report's body, and of its sealed part. */
  readonly body: JsonObject;
  readonly details: JsonObject;
  /** What was not compared; sentences. */
  readonly leftOut: readonly string[];
}

/** A backup that a drill has restored. */
export interface DrilledBackupInPlace {
  readonly repository: Repository;
  readonly manifest: Manifest;
  /** Holds the backup. */
  readonly scratch: Scratch;
  /** Datasets of the backup that were restored. */
  readonly restored: readonly StoredDataset[];
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

type Restored = DrilledBackupInPlace & DrillMomentOptions;

/**
 * Brings a backup that a drill has restored to a random moment between it and the end of the stored changes, and compares what the
 * database then holds, row by row.
 *
 * @returns undefined if no changes follow the backup yet. @throws E_DAMAGED, E_SOURCE_*, E_STORE_*, E_ABORTED
 */
export async function drillMoment(about: Restored): Promise<MomentReport | undefined> {
  try {
    const moment = await restoreRandom(about);
    return moment && reportOf(moment);
  } catch (error) {
    // A gap behind the backup is not the drill's to find.
    if (!isHoldfastError(error, 'E_NO_MOMENT')) throw error;
    const leftOut = [`no moment after the backup could be restored: ${error.message}`];
    return { moment: undefined, body: {}, details: {}, leftOut };
  }
}

function reportOf(moment: DrilledMoment): MomentReport {
  const { datasets, why: whyNot, ...rest } = moment;
  const count = (state: string) => datasets.filter((one) => one.state === state).length;
  const body = {
    ...rest,
    datasets: datasets.length - count('not compared'),
    differentDatasets: count('different'),
    notCompared: count('not compared'),
  };
  return {
    moment,
    body: { moment: body },
    details: { moment: { at: moment.at, datasets: provenDatasets(datasets) } },
    leftOut: [
      ...(moment.outcome === 'not compared'
        ? [
            `the moment after the backup was not compared: ${whyNot ?? 'changes of this kind of database are not decoded'}`,
          ]
        : []),
      ...datasets.flatMap(({ dataset, why }) =>
        why === undefined ? [] : [`${dataset}: not compared at the moment: ${why}`],
      ),
    ],
  };
}

async function restoreRandom(about: Restored): Promise<DrilledMoment | undefined> {
  const { plugin, scratch, onProgress } = about;
  if (!scratch.openReplay) return undefined;
  const chosen = await chooseRandomly(about);
  if (!chosen) return undefined;
  refuseHole(chosen, plugin.compare);
  onProgress({ kind: 'phase', phase: 'write' });
  const applied = await replay(about, chosen);
  onProgress({ kind: 'phase', phase: 'compare' });
  return { at: chosen.until.at ?? '', ...applied, ...(await compare(about, chosen, plugin)) };
}

/** What a drill of a kind of database restores moments with; undefined if the kind has no changes. */
export function momentsOf(
  kind: string,
): ((about: DrilledBackupInPlace) => Promise<MomentReport | undefined>) | undefined {
  const plugin = pluginNamed(kind)?.changes;
  return plugin && ((about) => drillMoment({ ...about, plugin }));
}

/** Undefined if no changes follow the backup yet. */
async function chooseRandomly(about: Restored): Promise<ChosenMoment | undefined> {
  const { repository, manifest, plugin, random = Math.random, signal } = about;
  const { source, key } = manifest;
  const wanted = { source, compare: plugin.compare, only: key as BackupKey, signal };
  const { join, segments } = await chooseMoment(repository, { ...wanted, until: {} });
  const last = segments.at(-1)?.head.facts.readAt;
  if (last === undefined || last <= join.at) return undefined;
  const at = between(join.at, last, random());
  return chooseMoment(repository, { ...wanted, until: { at } });
}

/** A moment with microseconds; the first for 0. */
function between(first: string, last: string, part: number): string {
  const [from, to] = [microsecondsOf(first), microsecondsOf(last)];
  const at = from + BigInt(Math.floor(Number(to - from) * part));
  const seconds = new Date(Number(at / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(at % 1_000_000n).padStart(6, '0')}Z`;
}

function microsecondsOf(moment: string): bigint {
  return BigInt(Date.parse(`${moment.slice(0, 19)}Z`)) * 1000n + BigInt(moment.slice(20, 26));
}

async function replay({ repository, manifest, scratch, plugin, signal }: Restored, chosen: ChosenMoment) {
  const { join, until } = chosen;
  await using target = await (scratch.openReplay as NonNullable<Scratch['openReplay']>)({
    join,
    until,
    base: `${manifest.key} at ${until.at}`,
  });
  const began = performance.now();
  await target.begin(signal);
  const { segments, transactions, rows } = await applyMoment(
    repository,
    chosen,
    { replay: target, compare: plugin.compare, begun: undefined },
    { signal },
  );
  await target.finish(signal);
  const applied = chosen.segments.slice(0, segments);
  const plainBytes = applied.reduce((sum, { head }) => sum + head.plainBytes, 0);
  return { segments, transactions, rows, plainBytes, replayMs: Math.round(performance.now() - began) };
}

async function compare(
  { repository, manifest, scratch, restored, signal }: Restored,
  { join, until, segments }: ChosenMoment,
  plugin: ChangePlugin,
): Promise<Pick<DrilledMoment, 'outcome' | 'why' | 'datasets'>> {
  const found = await plugin.decoder?.();
  if (!found?.hasTransaction) return { outcome: 'not compared', datasets: [] };
  const decoder = await provingDecoder(plugin);
  const reader = await repository.openBackup(manifest.key as BackupKey, signal);
  const begin = () => {
    let isPast = false;
    return (transaction: ChangeTransaction) => {
      if (decoder.hasTransaction(join, transaction)) return false;
      // Commits are not in the order of their times: nothing is applied from the first on that is later.
      isPast ||= transaction.committedAt > (until.at ?? '');
      return !isPast;
    };
  };
  const base = backupVersion(reader);
  await using live = await openLive(scratch.target.asSource(restored), signal);
  const stream = { context: repository.context, segments, decoder, join, begin, signal };
  const compared = await compareWithStream(stream, base, live).catch((error: unknown) => {
    if (isHoldfastError(error, 'E_SOURCE_UNSUPPORTED')) return { datasets: undefined, why: error.message };
    throw error;
  });
  if (!compared.datasets) return { outcome: 'not compared', why: compared.why, datasets: [] };
  const { datasets, whyUnproven: why } = compared;
  await live.check(signal);
  if (why !== undefined) return { outcome: 'not compared', why, datasets };
  return { outcome: datasets.some(({ state }) => state === 'different') ? 'different' : 'equal', datasets };
}
