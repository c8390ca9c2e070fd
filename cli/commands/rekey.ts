import path from 'node:path';
import { type RekeyResult, rekeyRepository } from '../../shared/jobs/keys/rekey.ts';
import { openConfiguredRepository } from '../../shared/jobs/open-repository.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural } from '../format.ts';
import { type Io, write } from '../io.ts';
import { makeKeyFile } from '../key-file.ts';
import { loadConfig, readKeyFile, repositoryConfig } from '../load-config.ts';
import { asksForRecovery, changeRecovery, RECOVERY_OPTIONS } from '../rekey-recovery.ts';

const options = {
  'new-key': { type: 'string' },
  'new-key-file': { type: 'string' },
  ...RECOVERY_OPTIONS,
} as const;

/** `holdfast rekey`: changes the root key, or recovery keys. */
export const rekey: Command = {
  options,
  help: `Usage: holdfast rekey (--new-key FILE | --new-key-file FILE)
       holdfast rekey --add-recovery [--sheet FILE]
       holdfast rekey (--complete-recovery | --remove-recovery ID)

Changes the key of a repository. Writes two small objects, and rewrites no backup: the new key then opens everything, old
backups too. Proves this with the new key alone before it reports success. The configured key must be the repository's
newest. The old key still opens what it opened before, but can no longer sign: backups and decisions made with it from now
on do not count. If it has leaked, read docs/guide/operations.md, "A key leaked".

      --new-key FILE      make a key, write it to FILE (mode 600), and use it
      --new-key-file FILE use the key in FILE; or set HOLDFAST_NEW_KEY

A recovery key opens every backup with only the repository, if the key is lost or the KMS key is deleted. Its public
half is kept in the repository; its private half is only on a sheet of paper (holdfast help recover).

      --add-recovery      make a recovery key, print its sheet once, and cover every listed backup; later ones are covered
                          when they are made. Run it again for another sheet
      --sheet FILE        write the sheet to FILE, a page to print (mode 600), instead of the terminal
      --complete-recovery cover what is not covered: after an interruption, or if verify or status say so
      --remove-recovery ID
                          stop using that recovery key, and remove the keys wrapped to it

${COMMON_HELP}
Examples:
  holdfast rekey --new-key ~/holdfast-2027.key
  HOLDFAST_NEW_KEY=$(cat key) holdfast rekey
  holdfast rekey --add-recovery --sheet ./recovery-sheet.html

Exit status: 0 changed, now or before; 2 the repository has or had that key; 12 the configured key is not the newest,
or a key is bad; 20 damaged.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const settings = await repositoryConfig(await loadConfig(values, io), io);
    if (asksForRecovery(values)) {
      if (values['new-key'] !== undefined || values['new-key-file'] !== undefined)
        throw usage('give a new key, or a recovery key option, not both');
      return changeRecovery(settings, values, io);
    }
    const { encryptionKey } = settings;
    if (encryptionKey === undefined)
      throw usage(
        'no key is configured: only the old key can hand over to a new one',
        'Set BACKUP_ENCRYPTION_KEY, or name a key file.',
      );
    const { key, file } = await newKey(values, io);
    const open = (hexKey: string) =>
      openConfiguredRepository({ ...settings, encryptionKey: hexKey }, io.signal, { pool: io.threads });
    const result = await rekeyRepository(open, { key: encryptionKey, newKey: key, signal: io.signal });
    const document = { ...result, keyFile: file ?? null };
    if (values.json) await write(io.stdout, `${JSON.stringify(document)}\n`);
    else if (!values.quiet) await write(io.stdout, describe(result, file));
    else if (result.damaged > 0)
      io.stderr.write(`warning: ${plural(result.damaged, 'damaged manifest')} opens with neither key\n`);
    return 0;
  },
};

async function newKey(
  given: { readonly 'new-key'?: string | undefined; readonly 'new-key-file'?: string | undefined },
  io: Io,
): Promise<{ readonly key: string; readonly file: string | undefined }> {
  const { 'new-key': toMake, 'new-key-file': toRead } = given;
  const fromEnv = io.env['HOLDFAST_NEW_KEY'] || undefined;
  const ways = [toMake, toRead, fromEnv].filter((way) => way !== undefined).length;
  if (ways !== 1) {
    throw usage(
      ways === 0 ? 'no new key is given' : 'give only one of --new-key, --new-key-file and HOLDFAST_NEW_KEY',
      'Pass --new-key FILE to make one.',
    );
  }
  if (fromEnv !== undefined) return { key: fromEnv, file: undefined };
  const file = path.resolve(io.cwd, toMake ?? toRead ?? '');
  if (toMake !== undefined) return { key: await makeKeyFile(file, '--new-key-file'), file };
  return { key: (await readKeyFile(file, io)) ?? '', file };
}

function describe(result: RekeyResult, file: string | undefined): string {
  const { oldRootKeyId, newRootKeyId, location, backups, damaged, isNew } = result;
  const place = file ?? 'the new key';
  const done = isNew ? 'changed' : 'had already been changed';
  const broken = damaged > 0 ? `; ${plural(damaged, 'damaged manifest')} opens with neither key` : '';
  return `The key of ${location} is ${done}: ${oldRootKeyId} -> ${newRootKeyId}.
Proved: the new key alone opens ${plural(backups, 'listed backup')}${broken}.

Now:
  1. Copy ${place} into your password manager, and keep a second copy out of reach of this machine and this cloud account.
  2. Configure it everywhere that backs up, restores or verifies: HOLDFAST_KEY_FILE or keyFile, else BACKUP_ENCRYPTION_KEY.
  3. Check there: holdfast keys check
  4. Keep the old key until that is done. It still opens what it opened before; what it signs from now on does not
     count.
`;
}
