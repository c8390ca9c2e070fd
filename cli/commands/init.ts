import path from 'node:path';
import { HoldfastError } from '../../shared/core/errors.ts';
import { DEFAULT_FORMAT, type FormatVersion } from '../../shared/core/format-version.ts';
import { initConfiguredRepository } from '../../shared/jobs/open-repository.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { type Io, write } from '../io.ts';
import { makeKeyFile } from '../key-file.ts';
import { loadConfig, repositoryConfig } from '../load-config.ts';

const options = { 'new-key': { type: 'string' }, format: { type: 'string' } } as const;

/** `holdfast init`: makes a repository in an empty place. */
export const init: Command = {
  options,
  help: `Usage: holdfast init [--new-key FILE] [--format 1|2]

Makes a repository in an empty folder, or under an unused prefix of a bucket. It is encrypted with a key of
64 hex digits from BACKUP_ENCRYPTION_KEY or a key file, or with a key in AWS KMS (HOLDFAST_KMS_KEY, or kmsKey in the
configuration). If you lose the key, you lose the backups.

      --new-key FILE      make a key, write it to FILE (mode 600), and use it
      --format VERSION    format of its backups, 1 or 2 (default ${DEFAULT_FORMAT})

${COMMON_HELP}
Examples:
  holdfast init -r ./backups --new-key ~/holdfast.key
  BACKUP_ENCRYPTION_KEY=$(cat key) holdfast init -r s3://my-backups/shop
  HOLDFAST_KMS_KEY=alias/holdfast holdfast init -r s3://my-backups/shop

Refuses a bucket with a lifecycle rule that would remove backups, or move them to an archive.

Exit status: 0 made; 11 there is already a repository, or something else, or an unsafe bucket rule; 12 no key, or a bad one.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const version = parseFormat(values.format);
    const config = await loadConfig(values, io);
    const newKey = values['new-key'];
    const keyFile = newKey === undefined ? undefined : path.resolve(io.cwd, newKey);
    // The configuration may name the file that is about to be made.
    const isOther = config.keyFile !== undefined && path.resolve(io.cwd, config.keyFile) !== keyFile;
    const hasKey = config.encryptionKey !== undefined || config.kmsKey !== undefined || isOther;
    if (keyFile !== undefined && hasKey) {
      throw new HoldfastError('E_USAGE', 'a key is already configured; --new-key would not be used', {
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
KEEP THE KMS KEY. Once it is deleted, nobody can read these backups, not even you.
  1. Set an alarm on ScheduleKeyDeletion, so that nobody can schedule its deletion unnoticed.
  2. Let only the roles that need it use it (docs/reference/security.md).
  3. Make a recovery key, which opens everything without the KMS key: holdfast rekey --add-recovery --sheet ./sheet.html
This is shown only once.
`;

function keyAdvice(keyFile: string | undefined): string {
  const place = keyFile === undefined ? 'the configured key' : keyFile;
  const next = keyFile === undefined ? '' : `\nNow: export HOLDFAST_KEY_FILE=${keyFile}\n`;
  return `
KEEP THE KEY. Without it, nobody can read these backups, not even you.
  1. Copy ${place} into your password manager now.
  2. Keep a second copy out of reach of this machine and this cloud account.
  3. Test the copy: open the repository with it on another machine.
Or print a recovery key, which opens everything without this key: holdfast rekey --add-recovery --sheet ./sheet.html
This is shown only once.
${next}`;
}

async function print(io: Io, json: boolean | undefined, document: object, text: string): Promise<void> {
  await write(io.stdout, json ? `${JSON.stringify(document)}\n` : text);
}
