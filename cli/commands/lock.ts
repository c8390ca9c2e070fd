import type { LockSettings } from '../../shared/config/lock.ts';
import { backupName } from '../../shared/core/backup-words.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { momentRules } from '../../shared/jobs/changes/prune-changes.ts';
import { type EndHoldsResult, endHolds } from '../../shared/jobs/lock/end-holds.ts';
import { type LockResult, lockBackups, lockProblem, openLocks } from '../../shared/jobs/lock/lock.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { number, plural, table, time } from '../format.ts';
import { repositoryConfig } from '../load-config.ts';
import { CommandSession } from '../session.ts';
import { type Screen, type Styled, styled } from '../style.ts';

const options = {
  'dry-run': { type: 'boolean', short: 'n', default: false },
  'end-holds': { type: 'boolean', default: false },
} as const;

/** `holdfast lock`: locks what backups need, by Object Lock. */
export const lock: Command = {
  options,
  help: `Usage: holdfast lock [--dry-run] [--end-holds]

Locks what backups need, so that nobody can remove it before retention allows it: packs, manifests, keys, and the
reports that prune goes by. For repositories in S3, in a bucket with Object Lock; \`lock\` in the configuration says how.
Only extends locks. Needs no encryption key. Run it after each backup, and daily.

A held backup gets legal holds. To remove those after \`holdfast release\`, run it with --end-holds and the key, as
somebody who may add and remove legal holds.

  -n, --dry-run           show what would be done, change nothing
      --end-holds         remove legal holds that no held backup needs; checks every object

${COMMON_HELP}
Examples:
  holdfast lock --quiet
  holdfast lock --end-holds

Exit status: 0 locked; 2 no lock is configured, or the bucket has no Object Lock; 13 access; 20 something that backups
need is missing or unreadable, the rest is locked; 75 store unavailable.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    await using session = await CommandSession.open(values, io);
    const { config, repository } = session;
    const locks = await openLocks(await repositoryConfig(config, io), config.lock);
    if (!config.lock || !locks) throw noLocks(config.lock, repository.store.location);
    const isDryRun = values['dry-run'] === true;
    const work = { isDryRun, signal: io.signal };
    const result = await lockBackups(repository, locks, {
      ...work,
      lock: config.lock,
      policy: config.retention,
      moments: momentRules(config.sources),
      naming: session.naming,
      onProgress: session.progress.on,
    });
    const ended = values['end-holds'] === true ? await endHolds(repository, locks, work) : undefined;
    const document = { ...result, refused: result.refused.map(({ code, message }) => ({ code, message })) };
    const problem = lockProblem(result);
    const text = describe(result, ended, { isDryRun, screen: session.screen });
    const shown = { ...document, dryRun: isDryRun, ended };
    if (isDryRun || problem) await session.print(shown, text);
    else await session.report(shown, text);
    if (problem) throw problem;
    return 0;
  },
};

function noLocks(lock: LockSettings | undefined, location: string): HoldfastError {
  if (lock)
    return new HoldfastError('E_CONFIG', `${location} is a folder, which has no locks`, {
      hint: 'Only a bucket with Object Lock can stop everybody from removing objects; copy the folder to another place instead.',
    });
  return new HoldfastError('E_CONFIG', '`lock` is not set in the configuration', {
    hint: 'Write lock: { mode: \'governance\' } into holdfast.config.ts (docs/reference/retention.md, "Locks").',
  });
}

function describe(
  result: LockResult,
  ended: EndHoldsResult | undefined,
  { isDryRun, screen }: { readonly isDryRun: boolean; readonly screen: Screen },
): Styled {
  const { backups, objects, extended, held, weaker } = result;
  const rows = backups.map(({ backup, until }) => [backupName(backup), until ? time(until) : 'not locked']);
  const would = isDryRun ? ' (a dry run: nothing was changed)' : '';
  const lines = [
    `${plural(objects, 'object')} of ${plural(backups.length, 'backup')}: ${number(extended)} locked for longer, ${number(objects - extended - result.missing.length)} as they were${would}`,
    ...(held > 0 ? [`${plural(held, 'legal hold')} added`] : []),
    ...(ended ? [`${plural(ended.ended, 'legal hold')} removed, of ${plural(ended.objects, 'object')}`] : []),
    ...(weaker > 0
      ? [
          `warning: ${plural(weaker, 'object')} locked in governance mode, which cannot be changed to compliance`,
        ]
      : []),
  ];
  const head =
    rows.length > 0 ? styled`${table(['BACKUP', 'NOBODY CAN REMOVE IT BEFORE'], rows, screen)}\n` : '';
  return styled`${head}${lines.join('\n')}\n`;
}
