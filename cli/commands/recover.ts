import { backupName } from '../../shared/core/backup-words.ts';
import { checkKeys } from '../../shared/jobs/keys/keys.ts';
import { recoveryKeyIds } from '../../shared/jobs/keys/recovery-coverage.ts';
import { opensWith, type PrivateHalf } from '../../shared/jobs/keys/recovery-sheet-key.ts';
import type { RepositoryConfig } from '../../shared/jobs/open-repository.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { number, plural, table, time } from '../format.ts';
import { type Io, write } from '../io.ts';
import { specialFlags } from '../kinds.ts';
import { loadConfig, readKeyFile, repositoryConfig } from '../load-config.ts';
import { parseRecoveryWords } from '../recovery-words.ts';
import { CommandSession } from '../session.ts';
import { screenStyle, styled } from '../style.ts';
import { RESTORE_OPTIONS, restoreFrom } from './restore.ts';

const options = {
  'recovery-key-file': { type: 'string' },
  check: { type: 'boolean', default: false },
  ...RESTORE_OPTIONS,
} as const;

/** Options with those that only some kinds know. */
const all = { ...options, ...specialFlags() };

/** `holdfast recover`: restores with a recovery key instead of the root key. */
export const recover: Command = {
  options: all,
  help: `Usage: holdfast recover [KEY] --to TARGET [--recovery-key-file FILE] [options of restore]
       holdfast recover --check [--recovery-key-file FILE]

Restores with only the repository and the recovery sheet: no other key is needed, and no configured key is used.
The 24 words are read from FILE, or typed on the terminal, which does not show them.

      --recovery-key-file FILE   the words of the sheet, or its 64 hex digits
      --check                    check every key and say which backups the sheet opens; restore nothing
  -t, --to TARGET, --dataset, --replace, --dry-run and all other options of \`holdfast restore\` (holdfast help restore)

${COMMON_HELP}
Examples:
  holdfast recover --check -r s3://my-backups/shop --recovery-key-file words.txt
  holdfast recover latest -r s3://my-backups/shop --recovery-key-file words.txt --to env:EMPTY_DATABASE_URL
  holdfast recover latest -r ./backups --to ./restored

Exit status: as of restore; 12 the words are wrong, the key is of another repository, or with --check a backup does not open; 20 damaged.
`,

  async run(argv, io) {
    const { values, positionals } = parse<typeof options>(argv, all, 1);
    const config = await loadConfig({ ...values, source: undefined }, io);
    const keyless = { encryptionKey: undefined, keyFile: undefined, kmsKey: undefined, olderKmsKeys: [] };
    const settings = await repositoryConfig({ ...config, ...keyless }, io);
    const recoveryKey = await readKey(settings, values['recovery-key-file'], io);
    const about = { flags: values, io, ...opensWith(recoveryKey, io.signal) };
    await using session = await CommandSession.of(config, settings, about);
    if (!values.check) return await restoreFrom(session, values, positionals[0]);
    if (positionals.length > 0) throw usage('--check looks at all backups, and takes no KEY');
    return await check(session, recoveryKey);
  },
};

async function readKey(settings: RepositoryConfig, file: string | undefined, io: Io): Promise<PrivateHalf> {
  const text =
    file === undefined
      ? await ask.secret(io, 'The 24 words of the recovery sheet, separated by spaces')
      : await readKeyFile(file, io);
  if (!text) {
    throw usage(
      'the recovery key is missing, and there is nobody to ask',
      'Write the words of the sheet into a file that only you can read, and pass --recovery-key-file FILE.',
    );
  }
  return parseRecoveryWords(text, await recoveryKeyIds(settings, io.signal));
}

async function check({ repository, io, isJson }: CommandSession, { id }: PrivateHalf): Promise<number> {
  const { location, repositoryId, backups } = await checkKeys(repository, io.signal);
  const opens = backups.filter(({ state }) => state === 'opens').length;
  const rows = backups.map(({ key, state, problem }) => [backupName(key), state, problem ?? '']);
  const shown = backups.map((one) => ({ ...one, problem: one.problem ?? null }));
  const verdict = opens === backups.length ? 'All open' : 'NOT ALL OPEN';
  const text = styled`${table(['KEY', 'STATE', ''], rows, screenStyle(io.stdout, io.env))}${verdict}: the recovery key ${id} opens ${number(opens)} of ${plural(backups.length, 'backup')} in ${location}, checked ${time(repository.clock.now())}.
`;
  const document = { location, repositoryId, recoveryKey: id, backups: shown };
  await write(io.stdout, isJson ? `${JSON.stringify(document)}\n` : text);
  if (backups.some(({ state }) => state === 'locked')) return 12;
  return opens === backups.length ? 0 : 20;
}
