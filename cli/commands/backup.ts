import { backupTypes, knownBackupType } from '../../shared/config/backup-types.ts';
import { backupName } from '../../shared/core/backup-words.ts';
import { HoldfastError, SUSPECT_EXIT_STATUS } from '../../shared/core/errors.ts';
import { type BackupResult, runBackup } from '../../shared/jobs/backup/backup.ts';
import { checkBucket } from '../../shared/jobs/doctor/bucket-rules.ts';
import { noteOfBackup } from '../../shared/jobs/runs/record-run.ts';
import { listBackups } from '../../shared/jobs/status/list.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { adviseOnSuspect, describeFindings } from '../describe-findings.ts';
import { bytes, comparedSize, duration, number, plural } from '../format.ts';
import { SOURCE_HELP, URL_EXAMPLE } from '../kinds.ts';
import { defaultSource, findPlace, repositoryConfig } from '../load-config.ts';
import { openNamedSource } from '../named-source.ts';
import { openOrNotify } from '../notify.ts';
import { proofStatus, proveAfter, type ShownProof } from '../pitr-proof.ts';
import { continuousSource } from '../pitr-source.ts';
import { PROFILE_HELP, PROFILE_OPTION, profileOf, profileText } from '../profile.ts';
import { recordedCommand } from '../recorded.ts';
import type { CommandSession } from '../session.ts';

const options = {
  source: { type: 'string', short: 's' },
  note: { type: 'string' },
  'allow-empty': { type: 'boolean', default: false },
  'full-read': { type: 'boolean', default: false },
  'no-parent': { type: 'boolean', default: false },
  ...PROFILE_OPTION,
} as const;

/** `holdfast backup`: makes a backup of one source. */
export const backup: Command = {
  options,
  help: `Usage: holdfast backup [TYPE] [--source SOURCE] [--note TEXT] [--allow-empty] [--full-read]
                       [--no-parent] [--profile]

Backs up a database as of one moment. TYPE (daily, weekly, manual, or one from the configuration;
default manual) chooses how long it is kept. Only data that is new since the last backup of this source is stored.
The backup is listed only when everything is stored.

A backup that lost much compared with the newest good one of its source (a table is empty or gone, half the records
are missing, or its data no longer compresses) is stored as suspect, and the exit status is 40. See holdfast help accept.

A backup of a source with \`continuous\` is then compared with the one before it and the changes stored between them, as
\`holdfast pitr prove\` does; what comes of it is kept as a report.

${SOURCE_HELP}
      --note TEXT         kept with the backup
      --allow-empty       store a backup without any records, as suspect, instead of failing
      --full-read         read everything, even what has not changed since the last backup, if its kind can tell
      --no-parent         read and store everything again: the backup needs nothing that earlier ones stored.
                          Use it if you do not trust those; it takes as much space as a first backup
${PROFILE_HELP}
${COMMON_HELP}
Examples:
  holdfast backup
  holdfast backup daily --source shop
  holdfast backup --source env:DATABASE_URL --note "before the migration"

Exit status: 0 backed up; 20 backed up, and the stored changes do not agree with it; 40 backed up and suspect: look at it;
12 key; 13 store refused; 30 database; 75 store unavailable; 130 stopped.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const profile = profileOf(values);
    await using session = await openOrNotify(values, io, { meter: profile?.meter });
    if (!session.config.isEnabled) {
      throw new HoldfastError('E_CONFIG', 'backups are switched off: ENABLE_BACKUPS is false', {
        hint: 'Remove the variable.',
      });
    }
    const type = knownBackupType(positionals[0] ?? 'manual', backupTypes(session.config));
    const source = await openNamedSource(session, await chooseSource(session));
    const began = performance.now();
    const work = (signal: AbortSignal) =>
      runBackup(session.repository, source, {
        type,
        note: values.note,
        suspects: session.config.suspects,
        allowEmpty: values['allow-empty'] === true,
        fullRead: values['full-read'] === true,
        noParent: values['no-parent'] === true,
        onProgress: (event) => {
          profile?.on(event);
          session.progress.on(event);
        },
        signal,
      });
    const asked = {
      ...(values.note === undefined ? {} : { note: values.note }),
      ...(values['no-parent'] === true ? { noParent: true } : {}),
    };
    const about = { kind: 'backup', source: source.name, type, asked } as const;
    const result = await recordedCommand(session, about, work, noteOfBackup);
    const tookMs = performance.now() - began;
    const proof = await proofOf(session, source.name, result.key);
    const status = result.suspect ? SUSPECT_EXIT_STATUS : proofStatus(proof);
    const text = describe(result, tookMs);
    const found = await profile?.document(session);
    const shown = proof ? { ...result, proof } : result;
    if (found) await session.print({ ...shown, profile: found }, `${text}${profileText(found)}`);
    else await session.report(shown, text, status);
    await warnOfBucket(session);
    if (!result.suspect) return status;
    session.progress.say(warnOf(result.key, result.suspect));
    return status;
  },
};

/** A backup of a source whose changes are stored too is compared with them. */
async function proofOf(
  session: CommandSession,
  name: string,
  key: BackupResult['key'],
): Promise<ShownProof | undefined> {
  const { config, io } = session;
  const isContinuous = config.sources.some((one) => one.name === name && one.continuous !== undefined);
  return isContinuous ? proveAfter(session, continuousSource(name, config, io), key) : undefined;
}

/**
 * A lifecycle rule added after the repository would remove this backup too. The backup is stored; unreadable
 * rules are left to status.
 */
async function warnOfBucket({ config, io, progress }: CommandSession): Promise<void> {
  const found = await checkBucket(await repositoryConfig(config, io), io.signal).catch(() => undefined);
  for (const { problem } of found?.dangers ?? []) progress.say(`warning: ${problem}`);
}

function warnOf(key: string, suspect: NonNullable<BackupResult['suspect']>): string {
  return [
    `warning: ${backupName(key)} is SUSPECT, compared with ${backupName(suspect.against)}:`,
    ...describeFindings(suspect).map((line) => `  - ${line}`),
    ...adviseOnSuspect(key, suspect),
  ].join('\n');
}

async function chooseSource(session: CommandSession): Promise<string> {
  const { config, io } = session;
  const found = defaultSource(config);
  if (typeof found === 'string') return found;
  const chosen =
    found.length === 0
      ? await chooseKnown(session)
      : await ask.select(
          io,
          'Which source?',
          found.map(({ name, kind }) => ({ value: name, label: name, hint: kind })),
        );
  if (chosen) return chosen;
  const names = found.map(({ name }) => name).join(', ');
  throw new HoldfastError(
    'E_USAGE',
    names ? `several sources are configured: ${names}` : 'no source was given, and none is configured',
    {
      hint: `Pass --source NAME, or --source ${URL_EXAMPLE}`,
    },
  );
}

const ANOTHER = '';

/** Without sources of the configuration: those that were backed up before, if they can be opened by their names. */
async function chooseKnown({ repository, config, io }: CommandSession): Promise<string | undefined> {
  if (!ask.isPossible(io)) return undefined;
  const backups = await listBackups(repository, { signal: io.signal });
  const names = [...new Set(backups.map(({ source }) => source.name))].filter((name) =>
    isPlace(name, config, io),
  );
  const options = [
    ...names.map((name) => ({ value: name, label: name })),
    { value: ANOTHER, label: 'another' },
  ];
  const chosen = names.length === 0 ? ANOTHER : await ask.select(io, 'Back up which database?', options);
  if (chosen !== ANOTHER) return chosen;
  return ask.text(io, `Back up which database? (${URL_EXAMPLE}, or env:NAME)`);
}

function isPlace(name: string, config: CommandSession['config'], io: CommandSession['io']): boolean {
  try {
    findPlace(name, config, io);
    return true;
  } catch {
    return false;
  }
}

function describe(result: BackupResult, ms: number): string {
  const { key, source, records, plainBytes, storedBytes, chunks, newChunks, parent, datasets, cost } = result;
  const size = comparedSize(plainBytes, storedBytes, 'the source');
  const against = parent ? `, compared with ${backupName(parent)}` : '';
  return `${backupName(key)} of ${source.name}
  ${plural(records, 'record')} in ${plural(datasets, 'dataset')}, ${bytes(plainBytes)}, in ${duration(ms)}
  stored ${bytes(storedBytes)}${size === undefined ? '' : ` (${size})`}, ${number(newChunks)} of ${number(chunks)} chunks new${against}
${cost === undefined ? '' : describeCost(cost)}Check it with: holdfast verify ${backupName(key)} --full
`;
}

function describeCost({
  readBytes,
  skippedBytes,
  requests,
  usd,
  usdPerGB,
}: NonNullable<BackupResult['cost']>): string {
  const price = `about $${usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)} at $${usdPerGB} a GB, which is assumed`;
  return `  read ${bytes(readBytes)} in ${plural(requests, 'request')}, ${price}; ${bytes(skippedBytes)} had not changed and were not read
`;
}
