import { backupName } from '../../shared/core/backup-words.ts';
import { type BackupKeys, checkKeys, type KeysReport, listRootKeys } from '../../shared/jobs/keys/keys.ts';
import { openConfiguredRepository } from '../../shared/jobs/open-repository.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { number, plural, table, time } from '../format.ts';
import { write } from '../io.ts';
import { keysSigning } from '../keys-signing.ts';
import { loadConfig, repositoryConfig } from '../load-config.ts';
import { recoveryWarnings } from '../recovery-warnings.ts';
import { type Screen, type Styled, screenStyle, styled } from '../style.ts';

const options = { reason: { type: 'string' } } as const;

/** `holdfast keys`: the root keys that backups need, and those that sign. */
export const keys: Command = {
  options,
  help: `Usage: holdfast keys [check | signing [new FILE | adopt --reason TEXT]]

Lists the ids of the root keys in use (not secret), and how many backups need each. Works without a key.
With \`check\`: says whether the configured key opens every listed backup and report, and which ones it does not. Reads
manifests and reports, no packs. Recovery keys are listed too, with the number of backups that each opens.

With \`signing\`: the public half of the configured signing key, as signing.publicKeys takes it.
  signing new FILE        make a signing key (Ed25519), and write its private half to FILE (mode 600)
  signing adopt           sign for all existing backups and decisions without a signature, before
                          you set signing.required; --reason says why, on one line

${COMMON_HELP}
Examples:
  holdfast keys
  holdfast keys check --json
  holdfast keys signing new ~/holdfast-signing.pem

Exit status: 0 listed, or all open; 12 it, or a recovery key, does not open some, or it is not this repository's key; 20 a manifest or a report is damaged.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 3);
    const [word, ...more] = positionals;
    if (word === 'signing') return keysSigning(more, values, io);
    if (more[0] !== undefined) throw usage(`'${more[0]}' is one argument too many`);
    if (values.reason !== undefined) throw usage('--reason needs signing adopt');
    if (word !== undefined && word !== 'check')
      throw usage(`keys has no action '${word}'`, 'Give check, signing, or nothing.');
    const settings = await repositoryConfig(await loadConfig(values, io), io);
    const report =
      word === 'check' ? await check(settings, io.signal) : await listRootKeys(settings, io.signal);
    await write(
      io.stdout,
      values.json
        ? `${JSON.stringify(toDocument(report))}\n`
        : describe(report, screenStyle(io.stdout, io.env)),
    );
    return statusOf(report);
  },
};

async function check(
  settings: Parameters<typeof openConfiguredRepository>[0],
  signal: AbortSignal,
): Promise<KeysReport> {
  await using repository = await openConfiguredRepository(settings, signal);
  return checkKeys(repository, signal);
}

function statusOf({ backups, reports, problems, recovery }: KeysReport): number {
  if (!reports) return 0;
  if (reports.locked > 0 || backups.some(({ state }) => state === 'locked')) return 12;
  if (recoveryWarnings(recovery).length > 0) return 12;
  const isDamaged =
    reports.damaged > 0 || problems.length > 0 || backups.some(({ state }) => state === 'damaged');
  return isDamaged ? 20 : 0;
}

function toDocument(report: KeysReport): object {
  return {
    ...report,
    configured: report.configured ?? null,
    reports: report.reports ?? null,
    rootKeys: report.rootKeys.map((one) => ({ ...one, since: one.since ?? null })),
    backups: report.backups.map((one) => ({ ...one, problem: one.problem ?? null })),
  };
}

function describe(
  { location, rootKeys, backups, reports, problems, recovery }: KeysReport,
  screen: Screen,
): Styled {
  const rows = rootKeys.map(({ rootKeyId, backups: count, since, isConfigured }) => [
    rootKeyId,
    number(count),
    since ? time(since) : 'unknown',
    isConfigured ? 'configured' : '',
  ]);
  const wrong = backups.filter(({ state }) => state === 'locked' || state === 'damaged');
  return styled`keys of ${location}
${table(['KEY', 'BACKUPS', 'SINCE', ''], rows, screen)}${describeRecovery(recovery, backups.length, screen)}${reports ? describeCheck(backups, reports) : ''}${wrong
  .map(describeBackup)
  .concat(problems.map((problem) => `damaged: ${problem}\n`))
  .concat(recoveryWarnings(recovery).map((warning) => `warning: ${warning}\n`))
  .join('')}`;
}

function describeRecovery(
  { keys, notOpened }: KeysReport['recovery'],
  total: number,
  screen: Screen,
): string | Styled {
  const rows = keys.map(({ id, createdAt }) => {
    const missing = notOpened.find(({ recoveryKey }) => recoveryKey === id)?.backups.length ?? 0;
    return [id, number(total - missing), time(createdAt)];
  });
  return rows.length === 0 ? '' : styled`\n${table(['RECOVERY KEY', 'BACKUPS', 'SINCE'], rows, screen)}`;
}

function describeCheck(backups: readonly BackupKeys[], reports: NonNullable<KeysReport['reports']>): string {
  const opens = backups.filter(({ state }) => state === 'opens').length;
  const total = reports.opens + reports.locked + reports.damaged;
  const all = opens === backups.length && reports.opens === total;
  return `${all ? 'All open' : 'NOT ALL OPEN'}: the configured key opens ${number(opens)} of ${plural(backups.length, 'backup')}, ${number(reports.opens)} of ${plural(total, 'report')}.\n`;
}

function describeBackup({ key, rootKeyIds, state, problem }: BackupKeys): string {
  const needs = rootKeyIds.length > 0 ? ` needs ${rootKeyIds.join(' and ')}` : '';
  return `${state}: ${backupName(key)}${needs}: ${problem ?? ''}\n`;
}
