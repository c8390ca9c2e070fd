import path from 'node:path';
import type { BackupKey } from '../../shared/core/ids.ts';
import { writeOutputFile } from '../../shared/core/output-file.ts';
import { exportParquet } from '../../shared/jobs/inside/query/export-parquet.ts';
import { exportBackup } from '../../shared/jobs/restore/export.ts';
import { defaultFormat } from '../../shared/jobs/restore/transfers.ts';
import type { RestoreOption } from '../../shared/sources/plugin.ts';
import { KINDS } from '../../shared/sources/registry.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { bytes, plural } from '../format.ts';
import { write } from '../io.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { optionHelp, specialFlags, specialHelp, specialOf } from '../kinds.ts';
import { CommandSession } from '../session.ts';

/** Of all kinds together, but for what is the same for all. */
const TEXTS = [...new Set(KINDS.flatMap(({ exports = [] }) => exports.map(({ format }) => format)))];
const PARQUET = 'parquet';
const FORMATS = [...TEXTS, PARQUET];
const options = {
  dataset: { type: 'string', short: 'd', multiple: true },
  format: { type: 'string', short: 'f' },
  output: { type: 'string', short: 'o' },
  ...KEY_OPTIONS,
} as const;

const isForExports = ({ isForExports: is = false }: RestoreOption) => is;
/** Options with those that only some kinds know. */
const all = { ...options, ...specialFlags(isForExports) };
const formatsByKind = KINDS.flatMap(({ displayName, exports = [] }) =>
  exports.length === 0 ? [] : `of ${displayName} ${exports.map(({ format }) => format).join(', ')}`,
).join('; ');

/** `holdfast export`: writes a backup as text that other tools read. */
export const exportCommand: Command = {
  options: all,
  help: `Usage: holdfast export [KEY] [--dataset NAME]… [--format ${FORMATS.join('|')}] [--output FILE]

Writes a backup as plain text that opens without Holdfast: SQL that psql restores into an empty database, one table as
CSV with a header (NULL is empty, an empty text is "") or NDJSON, or JSON as the database's own import takes it. To
stdout, unless --output is given. As Parquet it is a folder with a file for each dataset, made by DuckDB, which must be
installed beside Holdfast.

  -d, --dataset NAME      only this dataset; may be repeated for sql and parquet
${optionHelp('  -f, --format FORMAT', `${formatsByKind}; of all ${PARQUET}; the first of a kind is its default`)}
  -o, --output FILE       must not exist; it appears only when it is complete. For parquet a folder, and needed
${KEY_HELP}${specialHelp(isForExports)}
${COMMON_HELP}
Examples:
  holdfast export latest | psql -v ON_ERROR_STOP=1 scratch
  holdfast export latest -d public.orders -f csv -o orders.csv
  holdfast export latest -f json -p /characters -o characters.json
  holdfast export latest -f parquet -o shop-parquet

Exit status: 0 written; 10 no such backup or dataset; 11 the file exists; 20 damaged; 30 no room for the file.
`,

  async run(argv, io) {
    const { values, positionals } = parse<typeof options>(argv, all, 1);
    const given = TEXTS.find((known) => known === values.format);
    const isParquet = values.format === PARQUET;
    if (values.format !== undefined && !given && !isParquet)
      throw usage(`--format is '${values.format}'; allowed are ${FORMATS.join(', ')}`);
    if (isParquet) refuseForParquet(values.output, specialOf(values));
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0], values);
    if (isParquet && values.output !== undefined) {
      await writeParquet(session, key, { output: values.output, datasets: values.dataset });
      return 0;
    }
    const { source } = await session.repository.readManifest(key, io.signal);
    const format = given ?? defaultFormat(source.kind);
    const blocks = exportBackup(session.repository, key, {
      format,
      datasets: values.dataset,
      special: specialOf(values),
      signal: io.signal,
    });
    if (values.output === undefined) {
      for await (const block of blocks) await write(io.stdout, block);
      return 0;
    }
    const writtenBytes = await writeFile(path.resolve(io.cwd, values.output), blocks);
    await session.report(
      { key, format, output: values.output, bytes: writtenBytes },
      `Wrote ${values.output}: plain data, readable only by its owner (0600)\n`,
    );
    return 0;
  },
};

/** @throws E_USAGE */
function refuseForParquet(output: string | undefined, special: Readonly<Record<string, unknown>>): void {
  if (output === undefined) throw usage('--format parquet needs a folder', 'Give --output FOLDER.');
  const [name] = Object.keys(special);
  if (name !== undefined)
    throw usage(`${name} does not work with --format parquet`, 'Select rows with `holdfast query` instead.');
}

async function writeParquet(
  session: CommandSession,
  key: BackupKey,
  { output, datasets }: { readonly output: string; readonly datasets: readonly string[] | undefined },
): Promise<void> {
  const { io, progress, repository } = session;
  const warnings: string[] = [];
  const files = await exportParquet(repository, key, {
    folder: path.resolve(io.cwd, output),
    datasets,
    onProgress: progress.on,
    onWarning: (warning) => warnings.push(warning),
    signal: io.signal,
  });
  const writtenBytes = files.reduce((sum, file) => sum + file.bytes, 0);
  await session.report(
    { key, format: PARQUET, output, bytes: writtenBytes, files, warnings },
    `Wrote ${plural(files.length, 'file')} into ${output}, ${bytes(writtenBytes)}: plain data, readable only by its owner (0600)\n`,
  );
  for (const warning of warnings) progress.say(`warning: ${warning}`);
}

function writeFile(file: string, blocks: AsyncIterable<Uint8Array>): Promise<number> {
  return writeOutputFile(file, { replace: false }, async (output) => {
    let writtenBytes = 0;
    for await (const block of blocks) {
      await output.write(block);
      writtenBytes += block.length;
    }
    return writtenBytes;
  });
}
