import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { HoldfastError } from '../shared/core/errors.ts';
import {
  addRecoveryKey,
  completeRecovery,
  type RecoveryResult,
  refuseLocked,
  removeRecoveryKey,
} from '../shared/jobs/keys/recovery.ts';
import { makePrivateHalf, opensWith, type PrivateHalf } from '../shared/jobs/keys/recovery-sheet-key.ts';
import { openConfiguredRepository, type RepositoryConfig } from '../shared/jobs/open-repository.ts';
import { usage } from './command.ts';
import { plural } from './format.ts';
import { type Io, write } from './io.ts';
import { htmlSheet, type RecoverySheet, textSheet } from './recovery-sheet.ts';
import { wordsOf } from './recovery-words.ts';

/** Options of `rekey` that are about recovery keys. */
export const RECOVERY_OPTIONS = {
  'add-recovery': { type: 'boolean', default: false },
  'complete-recovery': { type: 'boolean', default: false },
  'remove-recovery': { type: 'string' },
  sheet: { type: 'string' },
} as const;

/** What these options were given. */
export interface RecoveryFlags {
  readonly 'add-recovery'?: boolean | undefined;
  readonly 'complete-recovery'?: boolean | undefined;
  readonly 'remove-recovery'?: string | undefined;
  readonly sheet?: string | undefined;
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** Whether one of these flags is given. @throws E_USAGE for more than one, or a sheet without a new key */
export function asksForRecovery(flags: RecoveryFlags): boolean {
  const given = [flags['add-recovery'], flags['complete-recovery'], flags['remove-recovery'] !== undefined];
  const ways = given.filter(Boolean).length;
  if (ways > 1) throw usage('give only one of --add-recovery, --complete-recovery and --remove-recovery');
  if (flags.sheet !== undefined && !flags['add-recovery']) throw usage('--sheet needs --add-recovery');
  if (flags.json && flags['add-recovery'] && flags.sheet === undefined)
    throw usage(
      '--json needs --sheet FILE: the document does not contain the recovery key',
      'Name a file for the sheet.',
    );
  return ways === 1;
}

/** Adds, completes or removes a recovery key. @returns the exit status */
export async function changeRecovery(
  settings: RepositoryConfig,
  flags: RecoveryFlags,
  io: Io,
): Promise<number> {
  await using repository = await openConfiguredRepository(settings, io.signal, { pool: io.threads });
  const print = async (document: object, text: string, damaged = 0) => {
    if (flags.json) await write(io.stdout, `${JSON.stringify(document)}\n`);
    else if (!flags.quiet) await write(io.stdout, text);
    else if (damaged > 0) io.stderr.write(`warning: ${plural(damaged, 'manifest')} could not be read\n`);
  };
  const toRemove = flags['remove-recovery'];
  if (toRemove !== undefined) {
    const result = await removeRecoveryKey(repository, toRemove, io.signal);
    await print(result, describeRemoval(result));
  } else if (flags['complete-recovery']) {
    const result = await completeRecovery(repository, io.signal);
    await print(result, describeCompletion(result), result.damaged);
  } else {
    const { result, sheet } = await add(repository, settings, { flags, io });
    await print({ ...result, sheet: sheet ?? null }, describeAddition(result, sheet), result.damaged);
  }
  return 0;
}

type Repository = Awaited<ReturnType<typeof openConfiguredRepository>>;

/** The sheet comes first: no key is wrapped to a private half that nobody has. */
async function add(
  repository: Repository,
  settings: RepositoryConfig,
  { flags, io }: { readonly flags: RecoveryFlags; readonly io: Io },
) {
  await refuseLocked(repository, io.signal);
  const { key, seed } = makePrivateHalf();
  const sheet = { ...sheetOf(repository, settings, { key, seed }), region: regionOf(settings, io) };
  const file = flags.sheet === undefined ? undefined : path.resolve(io.cwd, flags.sheet);
  if (file === undefined) await write(io.stdout, `${textSheet(sheet)}\n`);
  else await writeSheet(file, htmlSheet(sheet));
  const open = () =>
    openConfiguredRepository(settings, io.signal, {
      pool: io.threads,
      store: repository.store,
      ...opensWith(key, io.signal),
    });
  try {
    return { result: await addRecoveryKey(repository, key, { open, signal: io.signal }), sheet: file };
  } catch (error) {
    io.stderr.write(
      `warning: the sheet is for recovery key ${key.id}. If \`holdfast keys\` lists it, finish with \`holdfast rekey --complete-recovery\`; otherwise the sheet opens nothing: destroy it.\n`,
    );
    throw error;
  }
}

function sheetOf(
  { id: repositoryId, clock }: Repository,
  { repository, s3 }: RepositoryConfig,
  { key, seed }: { readonly key: PrivateHalf; readonly seed: Uint8Array },
): Omit<RecoverySheet, 'region'> {
  return {
    words: wordsOf(seed),
    hex: Buffer.from(seed).toString('hex'),
    id: key.id,
    repository,
    repositoryId,
    endpoint: s3?.endpoint,
    createdAt: clock.now(),
  };
}

/** As the SDK finds it, except in profiles: then the sheet has a blank. */
function regionOf({ s3 }: RepositoryConfig, { env }: Io): string | undefined {
  return s3?.region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
}

async function writeSheet(file: string, html: string): Promise<void> {
  try {
    await writeFile(file, html, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new HoldfastError(
      'E_USAGE',
      exists ? `${file} already exists; a sheet is never overwritten` : `${file} cannot be written`,
      { cause, hint: 'Name another file, in a folder that you can write to.' },
    );
  }
}

function describeAddition(result: RecoveryResult, sheet: string | undefined): string {
  const place = sheet === undefined ? 'the sheet above' : sheet;
  const file = sheet === undefined ? '' : ` Then delete ${sheet}.`;
  return `${result.location} has the recovery key ${result.recoveryKeys[0]}.
Proved: it alone opens ${plural(result.backups, 'listed backup')}${broken(result)}. Later backups are covered when they are made.

Now:
  1. Print ${place}, and read the print: the words must be legible.${file}
  2. Keep it out of reach of this machine and this cloud account.
  3. Name the key in the configuration, so that no other can replace it: recoveryKeys: ['${result.recoveryKeys[0]}']
  4. Test it once a year, with the sheet in your hand: holdfast recover --check
`;
}

function describeCompletion(result: RecoveryResult): string {
  return `${plural(result.recoveryKeys.length, 'recovery key')} of ${result.location}: ${result.recoveryKeys.join(', ')}
${plural(result.wrapped, 'key')} wrapped that ${result.wrapped === 1 ? 'was' : 'were'} not wrapped before; ${plural(result.backups, 'listed backup')} covered${broken(result)}.
`;
}

function describeRemoval({
  location,
  recoveryKey,
  removed,
}: Awaited<ReturnType<typeof removeRecoveryKey>>): string {
  return `Recovery key ${recoveryKey} of ${location} is removed, with ${plural(removed, 'wrapped key')}.
Older versions of these objects may still be in the bucket, and copies elsewhere: if somebody else saw the sheet, read
docs/guide/operations.md ("A recovery sheet was lost or seen").
`;
}

function broken({ damaged }: RecoveryResult): string {
  return damaged > 0 ? `; ${plural(damaged, 'manifest')} could not be read` : '';
}
