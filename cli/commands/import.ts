import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { backupTypes, knownBackupType } from '../../shared/config/backup-types.ts';
import { daysOf } from '../../shared/config/retention.ts';
import { backupName } from '../../shared/core/backup-words.ts';
import type { HoldfastError } from '../../shared/core/errors.ts';
import { DAY_MS } from '../../shared/core/units.ts';
import {
  type ImportBackupOptions,
  type ImportBackupResult,
  importBackup,
} from '../../shared/jobs/restore/import.ts';
import { importsOf } from '../../shared/jobs/restore/transfers.ts';
import { openSource } from '../../shared/jobs/source/open-source.ts';
import { namedSource } from '../../shared/jobs/source/same-source.ts';
import { KINDS } from '../../shared/sources/registry.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { bytes, number, plural, time } from '../format.ts';
import type { Io } from '../io.ts';
import { defaultSource, findPlace } from '../load-config.ts';
import { CommandSession } from '../session.ts';

const DEFAULT_TYPE = 'imported';
const AT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

const options = {
  source: { type: 'string', short: 's' },
  as: { type: 'string' },
  at: { type: 'string' },
  type: { type: 'string', default: DEFAULT_TYPE },
  format: { type: 'string', short: 'f', default: 'auto' },
  'passphrase-file': { type: 'string' },
  note: { type: 'string' },
} as const;

const importing = KINDS.flatMap(({ imports, ...plugin }) => (imports ? [{ ...plugin, imports }] : []));
const FORMATS = ['auto', ...importing.flatMap(({ imports }) => imports.formats.map(({ format }) => format))];

/** `holdfast import`: makes a backup of a file that another tool wrote. */
export const importCommand: Command = {
  options,
  help: `Usage: holdfast import FILE [--source SOURCE] [--at TIME] [--type TYPE] [--format FORMAT] [--note TEXT]

Stores a file as a backup, with the file's date. The file is read to its end and checked before anything is stored.
${importing.map(({ displayName, imports }) => `${displayName}: ${imports.help}`).join('\n')}

An imported backup is listed, verified, restored and exported like any other, and marked as imported. It never
counts as the newest good backup, or for keep, if there is one that was read from the database. It is kept as
long as retention says for its type, by its own date; type imported has no limit by default, so it is kept forever.

  -s, --source SOURCE     the database that the file is from: a name in the configuration, or its URL. It is not contacted
      --as NAME           the source's name in the backup, such as the one the functions on AWS use
      --at TIME           when the data was read: 2024-03-01T02:00:00Z, or 2024-03-01 (midnight UTC). Default: from the
                          file's metadata, else its name (backup_daily_20240301_020000…, read as UTC)
      --type TYPE         default imported
  -f, --format FORMAT     ${FORMATS.join(', ')}; default auto
      --passphrase-file F holds the passphrase of an encrypted file; default HOLDFAST_IMPORT_PASSPHRASE, else
                          BACKUP_ENCRYPTION_KEY
      --note TEXT         kept with the backup; default the file's name

While it runs, the data is in the folder for temporary files, encrypted with a key that only this process has.

${COMMON_HELP}
Examples:
  holdfast import backup_daily_20240301_020000.json.gz --source https://game.firebaseio.com
  holdfast import game-export.json --source game --at 2024-03-01T02:00:00Z

Exit status: 0 imported, now or before; 2 no date, or no passphrase; 30 the file is damaged, empty, or of another
kind: nothing was stored.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const [given] = positionals;
    if (given === undefined) throw usage('FILE is missing', 'Name the file to import.');
    const { format } = values;
    if (!FORMATS.includes(format)) throw usage(`--format is '${format}'; allowed are ${FORMATS.join(', ')}`);
    const at = values.at === undefined ? undefined : parseAt(values.at);
    const passphrase = await readPassphrase(values['passphrase-file'], io);
    await using session = await CommandSession.open(values, io);
    const { type } = values;
    if (type !== DEFAULT_TYPE) knownBackupType(type, backupTypes(session.config));
    const source = await findSource(session, values.as, format);
    const name = path.resolve(io.cwd, given);
    const read = await importsOf(source.kind).load();
    session.progress.on({ kind: 'phase', phase: 'import' });
    await using file = await read(name, { format, passphrase, signal: io.signal });
    const date = at === undefined ? file.date : { at, from: '--at' };
    if (!date) throw await noDate(name);
    const result = await importBackup(session.repository, file, {
      source,
      type,
      at: date.at,
      note: values.note ?? `imported from ${path.basename(name)}`,
      onProgress: session.progress.on,
      signal: io.signal,
    });
    const { sha256, isEncrypted } = file;
    const document = { ...result, dateFrom: date.from, format: file.format, isEncrypted, sha256 };
    await session.report(document, describe(result, isEncrypted, date.from) + outlook(session, result));
    return 0;
  },
};

/** The source of the new backup. The database is not contacted, so it may be gone by now. */
async function findSource(
  { config, io }: CommandSession,
  as: string | undefined,
  format: string,
): Promise<ImportBackupOptions['source']> {
  if (as === '') throw usage('--as is empty', "Give the source's name in the configuration.");
  if (as !== undefined) return { kind: kindOfFormat(format), name: as };
  const found = defaultSource(config);
  if (typeof found !== 'string')
    throw usage(
      'no source was given for the file',
      `Pass --source NAME, or --source ${importing.map(({ urlExample }) => urlExample).join(' or ')}.`,
    );
  const place = findPlace(found, config, io);
  const source = await openSource(importsOf(place.kind).placeOf(place), io.env);
  return config.sources.some(({ name }) => name === found) ? namedSource(source, found) : source;
}

/** The kind whose files have a format; for `auto` the only one. @throws E_USAGE if there are several */
function kindOfFormat(format: string): string {
  const fitting = importing.filter(
    ({ imports }) => format === 'auto' || imports.formats.some((one) => one.format === format),
  );
  const [only, ...others] = fitting.map(({ kind }) => kind);
  if (only !== undefined && others.length === 0) return only;
  throw usage('files of several kinds can be imported, and --as does not say which', 'Pass --format.');
}

function parseAt(text: string): Date {
  const at = new Date(AT.test(text) ? text : Number.NaN);
  if (!Number.isNaN(at.getTime())) return at;
  throw usage(
    `--at is '${text}'; give a time with its zone, or a date`,
    'For example --at 2024-03-01T02:00:00Z, --at 2024-03-01T03:00+01:00, or --at 2024-03-01.',
  );
}

/** No message contains the value. @throws E_USAGE if its file cannot be read */
async function readPassphrase(file: string | undefined, { env, cwd }: Io): Promise<string | undefined> {
  if (file === undefined)
    return env['HOLDFAST_IMPORT_PASSPHRASE'] || env['BACKUP_ENCRYPTION_KEY'] || undefined;
  try {
    return (await readFile(path.resolve(cwd, file), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw usage(`the passphrase file ${file} cannot be read (${code})`, 'Check its name and permissions.');
  }
}

/** The date of a file does not say when its data was read; it may still help. */
async function noDate(file: string): Promise<HoldfastError> {
  const { mtime } = await stat(file);
  return usage(
    'neither the file nor its name says when its data was read',
    `Pass --at. The file itself was last changed at ${mtime.toISOString()}; if it is not a copy, pass --at ${mtime.toISOString().slice(0, 19)}Z.`,
  );
}

function describe(result: ImportBackupResult, isEncrypted: boolean, dateFrom: string): string {
  const { key, source, records, datasets, plainBytes, storedBytes, startedAt, isThereAlready } = result;
  const done = isThereAlready ? 'was already imported from this file; nothing was stored' : 'imported';
  return `${backupName(key)} of ${source.name}: ${done}
  ${plural(records, 'record')} in ${plural(datasets, 'dataset')}, ${bytes(plainBytes)}; stored ${bytes(storedBytes)}
  dated ${time(startedAt)}, by ${dateFrom}
${isEncrypted ? '  the original kept no checksum of what it encrypted: the JSON is complete, nothing more can be checked\n' : ''}`;
}

/** What the next prune will do with it. */
function outlook(
  { config, repository }: CommandSession,
  { type, startedAt, key }: ImportBackupResult,
): string {
  const days = daysOf(config.retention, type);
  if (days === undefined) return `  kept forever: no retention is set for type ${type}\n`;
  const ageDays = (repository.clock.now().getTime() - startedAt.getTime()) / DAY_MS;
  if (ageDays <= days)
    return `  kept for ${number(days)} days from its date, the retention of type ${type}\n`;
  return `  THE NEXT PRUNE REMOVES IT: it is older than the ${number(days)} days of type ${type}, unless it is the only good backup. To keep it: holdfast hold ${backupName(key)} --reason "…"\n`;
}
