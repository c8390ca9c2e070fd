import path from 'node:path';
import { writeOutputFile } from '../../shared/core/output-file.ts';
import { exportBackup } from '../../shared/jobs/restore/export.ts';
import { defaultFormat } from '../../shared/jobs/restore/transfers.ts';
import type { RestoreOption } from '../../shared/sources/plugin.ts';
import { KINDS } from '../../shared/sources/registry.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { write } from '../io.ts';
import { optionHelp, specialFlags, specialHelp, specialOf } from '../kinds.ts';
import { CommandSession, KEY_HELP, KEY_OPTIONS } from '../session.ts';

/** Of all kinds together. */
const FORMATS = [...new Set(KINDS.flatMap(({ exports = [] }) => exports.map(({ format }) => format)))];
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
stdout, unless --output is given.

  -d, --dataset NAME      only this dataset; may be repeated for sql
${optionHelp('  -f, --format FORMAT', `${formatsByKind}; the first of a kind is its default`)}
  -o, --output FILE       must not exist; it appears only when it is complete
${KEY_HELP}${specialHelp(isForExports)}
${COMMON_HELP}
Examples:
  holdfast export latest | psql -v ON_ERROR_STOP=1 scratch
  holdfast export latest -d public.orders -f csv -o orders.csv
  holdfast export latest -f json -p /characters -o characters.json

Exit status: 0 written; 10 no such backup or dataset; 11 the file exists; 20 damaged; 30 no room for the file.
`,

  async run(argv, io) {
    const { values, positionals } = parse<typeof options>(argv, all, 1);
    const given = FORMATS.find((known) => known === values.format);
    if (values.format !== undefined && !given)
      throw usage(`--format is '${values.format}'; allowed are ${FORMATS.join(', ')}`);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0], values);
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
