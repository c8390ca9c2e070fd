import { backupName } from '../shared/core/backup-words.ts';
import { changesOf } from '../shared/jobs/changes/changes-of.ts';
import type { ChosenMoment } from '../shared/jobs/changes/choose-moment.ts';
import { chooseUntil } from '../shared/jobs/changes/choose-until.ts';
import { momentDoubts } from '../shared/jobs/changes/moment-doubts.ts';
import { planOfMoment, stepOfMoment } from '../shared/jobs/changes/moment-plan.ts';
import { openMomentTarget } from '../shared/jobs/changes/open-moment-target.ts';
import { parseMoment } from '../shared/jobs/changes/parse-moment.ts';
import { replayRateOf } from '../shared/jobs/changes/replay-rate.ts';
import { type RestoreMomentResult, restoreMoment } from '../shared/jobs/changes/restore-moment.ts';
import { planRestore, type RestoreJobOptions } from '../shared/jobs/restore/restore.ts';
import type { SourceConfig } from '../shared/jobs/source/adapters.ts';
import { ask } from './ask.ts';
import { usage } from './command.ts';
import { bytes, duration, plural } from './format.ts';
import { findPlace } from './load-config.ts';
import type { MomentFlags } from './moment-options.ts';
import { continuousSource } from './pitr-source.ts';
import { recordedCommand } from './recorded.ts';
import { describePlan, planDocument } from './restore-plan.ts';
import type { CommandSession } from './session.ts';

/** Restores a moment. @param choices of the restore of the base @returns the exit status */
export async function restoreMomentFrom(
  session: CommandSession,
  values: MomentFlags,
  choices: Omit<RestoreJobOptions, 'onProgress'>,
): Promise<number> {
  const { io, repository, progress } = session;
  const at = values.at === undefined || values.at === 'latest' ? undefined : parseMoment(values.at);
  const source = continuousSource(values.source, session.config, io);
  if (values.to === undefined)
    throw usage('--to is missing', 'Say where: --to env:NAME, or a name from the configuration.');
  const place = findPlace(values.to, session.config, io);
  refuseOtherKind(place, source.kind);
  const to = await openMomentTarget(place, io.env);
  const { target } = to;
  const chosen = await choose(session, { at, beforeTransaction: values['before-transaction'] }, source);
  const base = await planRestore(repository, chosen.base.key as never, target, choices);
  const doubts = await momentDoubts(repository, chosen, choices);
  const rate = await replayRateOf(repository, chosen.base.source, changesOf(source), io.signal);
  const ofMoment = planOfMoment(chosen, rate);
  const plan = {
    ...base,
    steps: [...base.steps, stepOfMoment(ofMoment)],
    warnings: [...doubts, ...base.warnings],
  };
  const about = {
    moment: momentOf(chosen),
    segments: chosen.segments.length,
    changeBytes: ofMoment.plainBytes,
    estimatedReplayMs: ofMoment.replayMs,
  };
  const text = describePlan(chosen.base.key, plan);
  if (values['dry-run']) {
    await session.print({ ...planDocument(chosen.base.key, plan), ...about }, text);
    return 0;
  }
  if (!session.isJson && values.quiet !== true) progress.say(text);
  const [doubt] = doubts;
  if (doubt !== undefined)
    await ask.confirmDoubts(io, `${doubt}. Restore the moment all the same?`, { yes: values.yes === true });
  if (plan.drops.length > 0)
    await ask.confirmDestruction(io, `Drop ${plural(plan.drops.length, 'object')} of ${plan.target}?`, {
      yes: values.yes === true,
    });
  const onApplied = (done: number, all: number) =>
    progress.say(`applied ${done} of ${plural(all, 'segment')}`);
  const work = (signal: AbortSignal) =>
    restoreMoment(repository, chosen, to, { ...choices, onProgress: progress.on, onApplied, signal });
  const noted = { kind: 'restore', backup: chosen.base.key, target: target.name } as const;
  const result = await recordedCommand(session, noted, work, ({ restored }) => ({
    records: restored?.records ?? 0,
    plainBytes: restored?.plainBytes ?? 0,
  }));
  const document = { ...planDocument(chosen.base.key, plan), ...about, ...documentOf(result) };
  await session.report(document, describe(result, target.name, about.moment));
  for (const warning of result.warnings) progress.say(`warning: ${warning}`);
  return 0;
}

function choose(
  { repository, io, progress }: CommandSession,
  until: ChosenMoment['until'],
  source: ReturnType<typeof continuousSource>,
): Promise<ChosenMoment> {
  const onWarning = (message: string) => progress.say(`warning: ${message}`);
  return chooseUntil(repository, until, {
    source,
    plugin: changesOf(source),
    onWarning,
    signal: io.signal,
  });
}

/** @throws E_USAGE: changes are applied by a database alone */
function refuseOtherKind({ kind }: SourceConfig, of: string): void {
  if (kind === of) return;
  throw usage(
    `changes of a ${of} source cannot be applied to a ${kind} target`,
    `Name a ${of} database with --to.`,
  );
}

function momentOf({ until: { at, beforeTransaction }, segments }: ChosenMoment): string {
  if (beforeTransaction !== undefined) return `just before transaction ${beforeTransaction}`;
  return at ?? segments.at(-1)?.head.facts.readAt ?? 'the backup itself';
}

function documentOf({ restored, ...result }: RestoreMomentResult): object {
  const { records = 0, plainBytes = 0, isCompared = false } = restored ?? {};
  return { records, plainBytes, isCompared, ...result, readAt: result.readAt ?? null };
}

function describe(result: RestoreMomentResult, target: string, moment: string): string {
  const { base, restored, segments, transactions, rows, replayMs } = result;
  const lines = [
    `Restored ${moment} into ${target}`,
    restored
      ? `  ${backupName(base)}: ${plural(restored.records, 'record')}, ${bytes(restored.plainBytes)}${restored.isCompared ? ', read back and equal' : ', NOT compared'}`
      : `  ${backupName(base)} was already restored; continued from there`,
    `  ${plural(transactions, 'transaction')} with ${plural(rows, 'row')} in ${plural(segments, 'segment')} applied in ${duration(replayMs)}`,
  ];
  return `${lines.join('\n')}\n`;
}
