import path from 'node:path';
import { HoldfastError } from '../../shared/core/errors.ts';
import { DEFAULT_FORMAT, type FormatVersion } from '../../shared/core/format-version.ts';
import { initConfiguredRepository } from '../../shared/jobs/open-repository.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { type Io, write } from '../io.ts';
import { makeKeyFile } from '../key-file.ts';
import { loadConfig, repositoryConfig } from '../load-config.ts';

const options = { 'new-key': { type: 'string' }, format: { type: 'string' } } as const;

export const init: Command = {
  options,
  help: `Usage: holdfast init [--new-key FILE] [--format 1|2]

Makes a repository in an empty folder, or under an unused prefix of a bucket. It is sealed with a key of
64 hex digits from BACKUP_ENCRYPTION_KEY or a key file, or with a key in AWS KMS (HOLDFAST_KMS_KEY, or kmsKey in the
configuration). Whoever loses the key loses the backups.

      --new-key FILE      make a key, write it to FILE (mode 600), and use it
      --format VERSION    what its backups are written in, 1 or 2 (default ${DEFAULT_FORMAT})

${COMMON_HELP}
Examples:
  holdfast init -r ./backups --new-key ~/holdfast.key
  BACKUP_ENCRYPTION_KEY=$(cat key) holdfast init -r s3://my-backups/shop
  HOLDFAST_KMS_KEY=alias/holdfast holdfast init -r s3://my-backups/shop

A bucket with a lifecycle rule that would remove backups, or move them to an archive, is refused.

Exit status: 0 made; 11 there is a repository, or something else, or a rule of the bucket is unsafe; 12 no key, or a bad one.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const version = parseFormat(values.format);
    const config = await loadConfig(values, io);
    const newKey = values['new-key'];
    const keyFile = newKey === undefined ? undefined : path.resolve(io.cwd, newKey);
    // A configuration may name the file that is to be made.
    const isOther = config.keyFile !== undefined && path.resolve(io.cwd, config.keyFile) !== keyFile;
    const hasKey = config.encryptionKey !== undefined || config.kmsKey !== undefined || isOther;
    if (keyFile !== undefined && hasKey) {
      throw new HoldfastError('E_USAGE', 'a key is configured already; --new-key would not be used', {
        hint: 'Leave --new-key out, or remove the configured key.',
      });
    }
    const settings = await repositoryConfig(
      keyFile === undefined ? config : { ...config, keyFile: undefined },
      io,
    );
    const made = keyFile === undefined ? undefined : await makeKeyFile(keyFile, 'HOLDFAST_KEY_FILE');
    const result = await initConfiguredRepository(
      made === undefined ? settings : { ...settings, encryptionKey: made },
      io.signal,
      { version },
    );
    for (const warning of result.warnings) io.stderr.write(`warning: ${warning}\n`);
    const text = `Made repository ${result.repositoryId.slice(0, 8)} at ${result.location}, sealed with key ${result.rootKeyId}.\n${config.kmsKey === undefined ? keyAdvice(keyFile) : KMS_ADVICE}`;
    if (values.json || !values.quiet)
      await print(io, values.json, { ...result, keyFile: keyFile ?? null }, text);
    return 0;
  },
};

function parseFormat(text: string | undefined): FormatVersion {
  if (text === undefined) return DEFAULT_FORMAT;
  if (text === '1') return 1;
  if (text === '2') return 2;
  throw usage(`--format is '${text}'; allowed are 1 and 2`);
}

const KMS_ADVICE = `
KEEP THE KMS KEY. Once it is deleted nobody can read these backups, not even you.
  1. Let nobody schedule its deletion unseen: an alarm on ScheduleKeyDeletion.
  2. Give its use only to the roles that need it (docs/reference/security.md).
  3. Make a recovery key, which opens everything without it: holdfast rekey --add-recovery --sheet ./sheet.html
This is said once.
`;

function keyAdvice(keyFile: string | undefined): string {
  const place = keyFile === undefined ? 'the key that is configured' : keyFile;
  const next = keyFile === undefined ? '' : `\nNow: export HOLDFAST_KEY_FILE=${keyFile}\n`;
  return `
KEEP THE KEY. Without it nobody can read these backups, not even you.
  1. Copy ${place} into your password manager now.
  2. Keep a second copy where this machine and this cloud account do not reach.
  3. Try it: open the repository with the copy, on another machine.
Or put a recovery key on paper, which opens everything without it: holdfast rekey --add-recovery --sheet ./sheet.html
This is said once.
${next}`;
}

async function print(io: Io, json: boolean | undefined, document: object, text: string): Promise<void> {
  await write(io.stdout, json ? `${JSON.stringify(document)}\n` : text);
}
