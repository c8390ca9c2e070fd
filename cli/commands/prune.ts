import { backupName } from '../../shared/core/backup-words.ts';
import { DAY_MS } from '../../shared/core/units.ts';
import { momentRules } from '../../shared/jobs/changes/prune-changes.ts';
import { openLocks } from '../../shared/jobs/lock/lock.ts';
import {
  type PreparedPrune,
  type PruneResult,
  preparePrune,
  runPrune,
} from '../../shared/jobs/retention/prune.ts';
import { sweptBytes } from '../../shared/jobs/retention/prune-room.ts';
import { expireHistory } from '../../shared/jobs/runs/run-history.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { bytes, number, plural, table } from '../format.ts';
import { repositoryConfig } from '../load-config.ts';
import { CommandSession } from '../session.ts';
import { type Screen, type Styled, styled } from '../style.ts';

const options = {
  'max-share': { type: 'string' },
  'dry-run': { type: 'boolean', short: 'n', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
} as const;

/** `holdfast prune`: removes what retention does not keep. */
export const prune: Command = {
  options,
  help: `Usage: holdfast prune [--dry-run] [--yes] [--max-share PERCENT]

Unlists backups that retention does not keep, and removes packs that no backup has needed during the
grace (7 days by default). Says for every backup why it stays or goes. Never removes the last good backup of
a source, a held one, or any of a source with a suspect one; skips what is locked (\`lock\` in the
configuration). May run beside backups, and be stopped at any point.

      --max-share PERCENT largest part of the backups, or of the bytes, that one run may remove (default 40)
  -n, --dry-run           print the plan, change nothing
  -y, --yes               do not ask

${COMMON_HELP}
Examples:
  holdfast prune --dry-run
  holdfast prune --yes --quiet

Exit status: 0 done; 2 nobody to ask, and no --yes; 11 it would remove more than --max-share, nothing was
removed; 20 a manifest cannot be read, so no pack was removed; 75 store unavailable, or run again.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const given = shareOf(values['max-share']);
    await using session = await CommandSession.open(values, io);
    const { retention, prune: settings } = session.config;
    const moments = momentRules(session.config.sources);
    const rules = { policy: retention, maxShare: given ?? settings.maxShare, moments };
    const isDryRun = values['dry-run'] === true;
    const work = { onProgress: session.progress.on, signal: io.signal };
    const locks = await openLocks(await repositoryConfig(session.config, io), session.config.lock);
    const prepared = await preparePrune(session.repository, rules, {
      ...work,
      isDryRun,
      locks,
      naming: session.naming,
    });
    if (settings.graceMs === 0)
      session.progress.say(
        'warning: prune.unsafeNoGrace is set: backups running now would lose what they store',
      );
    if (isDryRun) {
      await session.print(planDocument(prepared), describePlan(prepared, session.screen));
      return statusOf(prepared.plan);
    }
    if (!session.isJson && values.quiet !== true)
      session.progress.say(describePlan(prepared, session.screen).plain);
    await confirm(session, prepared, values.yes === true);
    const result = await runPrune(session.repository, prepared, work);
    await expireHistory(session.repository, io.signal).catch((error: Error) =>
      session.progress.say(`warning: old notes of runs stay: ${error.message}`),
    );
    await session.report({ ...planDocument(prepared), ...result }, describe(result), statusOf(result));
    return statusOf(result);
  },
};

function shareOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const percent = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (percent >= 1 && percent <= 100) return percent / 100;
  throw usage(`--max-share is '${text}'; allowed are 1 to 100`, 'It is a percentage: --max-share 60.');
}

/** Asks if something would be removed. */
async function confirm(
  { io }: CommandSession,
  { plan, changes }: PreparedPrune,
  yes: boolean,
): Promise<void> {
  const { expire, sweep, refusal } = plan;
  if (refusal || expire.length + sweep.length + changes.length === 0) return;
  const freed = sweptBytes(plan);
  const what = `Remove ${plural(expire.length, 'backup')}, and ${plural(sweep.length, 'pack')} of ${bytes(freed)}${changesText(changes)}?`;
  await ask.confirmDestruction(io, what, { yes });
}

function statusOf({ blockedBy }: { readonly blockedBy: string | undefined }): number {
  return blockedBy === undefined ? 0 : 20;
}

/** `, and 12 objects of changes of 3.4 MiB`; empty if none go. */
function changesText(changes: PreparedPrune['changes']): string {
  if (changes.length === 0) return '';
  const size = changes.reduce((sum, one) => sum + one.bytes, 0);
  return `, and ${plural(changes.length, 'object')} of changes of ${bytes(size)}`;
}

function planDocument({ plan, problems, changes }: PreparedPrune): object {
  const { now, graceMs, decisions, expire, sweep, locked, waitingBytes, blockedBy, refusal } = plan;
  return {
    now,
    graceMs,
    backups: decisions,
    expire,
    sweep: { packs: sweep.length, bytes: sweptBytes(plan) },
    changes: { objects: changes.length, bytes: changes.reduce((sum, one) => sum + one.bytes, 0) },
    locked,
    waitingBytes,
    blockedBy,
    refusal: refusal && { code: refusal.code, message: refusal.message },
    problems: problems.map(({ code, message }) => ({ code, message })),
  };
}

function describePlan({ plan, problems, changes }: PreparedPrune, screen: Screen): Styled {
  const { decisions, expire, sweep, locked, waitingBytes, graceMs, blockedBy, refusal } = plan;
  const rows = decisions.map(({ key, keep, source, reasons }) => [
    backupName(key),
    keep ? 'stays' : 'goes',
    source?.name ?? '',
    reasons.join(', '),
  ]);
  const freed = sweptBytes(plan);
  const lines = [
    `${plural(expire.length, 'backup')} of ${number(decisions.length)} would go; ${plural(sweep.length, 'pack')} of ${bytes(freed)}${changesText(changes)} would be removed now.`,
    ...(waitingBytes > 0
      ? [`${bytes(waitingBytes)} wait until their grace of ${plural(graceMs / DAY_MS, 'day')} is over.`]
      : []),
    ...lockedLines(locked),
    ...(blockedBy === undefined ? [] : [`warning: no pack is removed: ${blockedBy}`]),
    ...problems.map(({ message }) => `warning: ${message}`),
    ...(refusal ? [`It would refuse: ${refusal.message}`] : []),
  ];
  const head = rows.length > 0 ? styled`${table(['KEY', '', 'SOURCE', 'WHY'], rows, screen)}\n` : '';
  return styled`${head}${lines.join('\n')}\n`;
}

function describe(result: PruneResult): string {
  const { expired, putBack, removedPacks, freedBytes, locked, blockedBy, report } = result;
  const lines = [
    `Removed ${plural(expired.length, 'backup')}, and ${plural(removedPacks, 'pack')}: ${bytes(freedBytes)} freed`,
    ...putBack.map((key) => `${backupName(key)} was held meanwhile, and is listed again`),
    ...lockedLines(locked),
    ...(blockedBy === undefined ? [] : [`No pack was removed: ${blockedBy}`]),
    ...(report === undefined ? ['Without a key no report of this run is kept'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function lockedLines({ backups, packs, bytes: size }: PruneResult['locked']): string[] {
  if (backups + packs === 0) return [];
  return [
    `Kept because they are locked: ${plural(backups, 'backup')}, and ${plural(packs, 'pack')} of ${bytes(size)}`,
  ];
}
