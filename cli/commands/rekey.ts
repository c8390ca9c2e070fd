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

export const rekey: Command = {
  options,
  help: `Usage: holdfast rekey (--new-key FILE | --new-key-file FILE)
       holdfast rekey --add-recovery [--sheet FILE]
       holdfast rekey (--complete-recovery | --remove-recovery ID)

Changes the key of a repository. Writes two small objects and no backup again: the new key then opens everything, old
backups too. Proves that with the new key alone before it says so. The configured key must be the repository's newest.
The old key still opens all that it opened before, and signs nothing any more: what is made with it from now on, backups
and decisions, counts for nothing. If it has leaked, read docs/guide/operations.md, "A key leaked".

      --new-key FILE      make a key, write it to FILE (mode 600), and use it
      --new-key-file FILE use the key in FILE; or set HOLDFAST_NEW_KEY

A recovery key opens every backup with the repository alone, should the key be lost or the KMS key be deleted. Its public
half is kept in the repository; its private half is on a sheet of paper and nowhere else (holdfast help recover).

      --add-recovery      make a recovery key, print its sheet once, and cover every listed backup; later ones are covered
                          when they are made. May be done again for another sheet
      --sheet FILE        write the sheet to FILE, a page to print (mode 600), instead of the terminal
      --complete-recovery cover what is not covered: after an interruption, or where verify or status say so
      --remove-recovery ID
                          cover nothing any more with that recovery key, and remove what was

${COMMON_HELP}
Examples:
  holdfast rekey --new-key ~/holdfast-2027.key
  HOLDFAST_NEW_KEY=$(cat key) holdfast rekey
  holdfast rekey --add-recovery --sheet ./recovery-sheet.html

Exit status: 0 changed, or had been already; 2 the repository has or had that key; 12 the configured key is not the newest,
or a key is bad; 20 damaged.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const settings = await repositoryConfig(await loadConfig(values, io), io);
    if (asksForRecovery(values)) {
      if (values['new-key'] !== undefined || values['new-key-file'] !== undefined)
        throw usage('a new key and a recovery key are changed one after the other');
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
      ways === 0
        ? 'no new key is given'
        : '--new-key, --new-key-file and HOLDFAST_NEW_KEY exclude each other',
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
  const done = isNew ? 'changed' : 'had been changed already';
  const broken = damaged > 0 ? `; ${plural(damaged, 'damaged manifest')} opens with neither key` : '';
  return `The key of ${location} is ${done}: ${oldRootKeyId} -> ${newRootKeyId}.
Proved: the new key alone opens ${plural(backups, 'listed backup')}${broken}.

Now:
  1. Copy ${place} into your password manager, and a second copy where this machine and this cloud account do not reach.
  2. Configure it everywhere that backs up, restores or verifies: HOLDFAST_KEY_FILE or keyFile, else BACKUP_ENCRYPTION_KEY.
  3. Check there: holdfast keys check
  4. Keep the old key until that is done. It still opens all that it opened before; what it signs from now on counts for
     nothing.
`;
}
