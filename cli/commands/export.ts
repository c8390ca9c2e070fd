import path from 'node:path';
import { writeOutputFile } from '../../shared/core/output-file.ts';
import { exportBackup } from '../../shared/jobs/restore/export.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { write } from '../io.ts';
import { CommandSession, KEY_HELP, KEY_OPTIONS } from '../session.ts';

const FORMATS = ['sql', 'csv', 'json', 'ndjson'] as const;
const options = {
  dataset: { type: 'string', short: 'd', multiple: true },
  path: { type: 'string', short: 'p' },
  instance: { type: 'string' },
  format: { type: 'string', short: 'f', default: 'sql' },
  output: { type: 'string', short: 'o' },
  ...KEY_OPTIONS,
} as const;

export const exportCommand: Command = {
  options,
  help: `Usage: holdfast export [KEY] [--dataset NAME]… [--path PATH] [--format sql|csv|json|ndjson] [--output FILE]

Writes a backup as plain text: SQL that psql restores into an empty database, or one table as CSV with a header
(NULL is empty, an empty text is "") or NDJSON; of Firebase, JSON as its own import takes it. To stdout, unless
--output says where.

  -d, --dataset NAME      only this dataset; may be repeated for sql
  -p, --path PATH         of Firebase, only what lies there: /characters/alice
      --instance NAME     that database, of a backup of several instances (Firebase)
  -f, --format FORMAT     sql (default), csv or ndjson; of Firebase json or ndjson
  -o, --output FILE       must not exist; it is there only when it is complete
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast export latest | psql -v ON_ERROR_STOP=1 scratch
  holdfast export latest -d public.orders -f csv -o orders.csv
  holdfast export latest -f json -p /characters -o characters.json

Exit status: 0 written; 10 no such backup or dataset; 11 the file exists; 20 damaged; 30 no room for the file.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const format = FORMATS.find((known) => known === values.format);
    if (!format) throw usage(`--format is '${values.format}'; allowed are ${FORMATS.join(', ')}`);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0], values);
    const blocks = exportBackup(session.repository, key, {
      format,
      datasets: values.dataset,
      path: values.path,
      instance: values.instance,
      signal: io.signal,
    });
    if (values.output === undefined) {
      for await (const block of blocks) await write(io.stdout, block);
      return 0;
    }
    const writtenBytes = await writeFile(path.resolve(io.cwd, values.output), blocks);
    await session.report(
      { key, format, output: values.output, bytes: writtenBytes },
      `Wrote ${values.output}: plain data, readable by its owner alone (0600)\n`,
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
