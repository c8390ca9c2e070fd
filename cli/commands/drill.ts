import { backupName } from '../../shared/core/backup-words.ts';
import { runDrill } from '../../shared/jobs/drill/drill.ts';
import { type DrilledMoment, momentsOf } from '../../shared/jobs/drill/drill-moment.ts';
import type { DrillResult } from '../../shared/jobs/drill/drill-result.ts';
import { noteOfDrill } from '../../shared/jobs/runs/record-run.ts';
import { knownKind, openScratch } from '../../shared/jobs/source/adapters.ts';
import { configuredName } from '../../shared/jobs/source/naming.ts';
import { COMMON_HELP, type Command, jobsOf, parse } from '../command.ts';
import { bytes, duration, number, plural, table } from '../format.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { optionHelp, URL_EXAMPLES } from '../kinds.ts';
import { drillServer } from '../load-config.ts';
import { recordedCommand } from '../recorded.ts';
import { CommandSession } from '../session.ts';

const options = {
  server: { type: 'string' },
  jobs: { type: 'string', short: 'j' },
  keep: { type: 'boolean', default: false },
  'no-moment': { type: 'boolean', default: false },
  ...KEY_OPTIONS,
} as const;

/** In each list, in text; JSON has all. */
const MOST_SHOWN = 20;
const STATUS = { equal: 0, different: 20, failed: 21 } as const;

/** `holdfast drill`: restores a backup into a scratch database, and compares. */
export const drill: Command = {
  options,
  help: `Usage: holdfast drill [KEY] [--server SERVER] [--keep] [--no-moment]

Restores a backup (default: \`good\`, the newest one that nothing speaks against) into a scratch database that the
drill makes on a server, compares schema, counts and contents with the backup, drops the database again, and keeps the
result as a report. Never writes into an existing database, except into a new place of its own in one.

If changes after the backup are stored (holdfast pitr), it then applies them up to a random moment, and compares the
database, row by row, with the backup plus these changes.

${optionHelp('      --server SERVER', `where: env:NAME (a URL in the environment), ${URL_EXAMPLES}, or a name from the configuration; for text files a folder. Default: drill.KIND.url in the configuration`)}
  -j, --jobs N            partitions and indexes at once (default 4)
      --keep              keep the scratch database, and say how to drop it
      --no-moment         restore only the backup, even if changes after it are stored
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast drill
  holdfast drill good:shop --server env:DRILL_SERVER
  holdfast drill 20260301 --keep

Exit status: 0 restored and equal; 20 restored and different; 21 it failed (the report says why); 2, 10, 12 it did
not begin; 130 stopped.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const jobs = jobsOf(values.jobs);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0] ?? 'good', values);
    const { source } = await session.repository.readManifest(key, io.signal);
    const server = await openScratch(
      drillServer(knownKind(source.kind), values.server, session.config, io),
      io.env,
    );
    const names = await session.sourceNames();
    const name = configuredName(names, source.name);
    const work = (signal: AbortSignal) =>
      runDrill(session.repository, key, server, {
        jobs,
        keep: values.keep === true,
        restoreMoment: values['no-moment'] === true ? undefined : momentsOf(source.kind),
        locations: names.get(name),
        onProgress: session.progress.on,
        signal,
      });
    const result = await recordedCommand(
      session,
      { kind: 'drill', source: name, backup: key },
      work,
      noteOfDrill,
    );
    await session.report(toDocument(result), describe(result), STATUS[result.outcome]);
    return STATUS[result.outcome];
  },
};

function toDocument({ error, ...result }: DrillResult): object {
  return {
    ...result,
    target: result.target ?? null,
    server: result.server ?? null,
    schema: result.schema ?? null,
    moment: result.moment ?? null,
    removal: result.removal ?? null,
    error: error ? { code: error.code, message: error.message, hint: error.hint ?? null } : null,
  };
}

function describe(result: DrillResult): string {
  const { key, outcome, target, server, leftOut, removal, report } = result;
  const place = target === undefined ? '' : ` to ${target} (${server})`;
  const title = { equal: 'restored and equal', different: 'DIFFERENT', failed: 'FAILED' }[outcome];
  return `Drill of ${backupName(key)}${place}: ${title}
${outcome === 'failed' ? describeError(result) : describeComparison(result)}${list('left out', leftOut)}  report     ${report}
${removal === undefined ? '' : `The scratch target still exists, with everything that was restored. Remove it with: ${removal}\n`}`;
}

function describeError({ error }: DrillResult): string {
  return `  error      ${error?.message} (${error?.code})\n${error?.hint ? `  hint       ${error.hint}\n` : ''}`;
}

function describeComparison({
  restoreMs,
  compareMs,
  records,
  plainBytes,
  comparison,
  schema,
  moment,
}: DrillResult): string {
  const rate = restoreMs > 0 ? `, ${bytes((1000 * plainBytes) / restoreMs)}/s` : '';
  const rows = comparison
    .toSorted((a, b) => Number(a.equal) - Number(b.equal) || b.backupRecords - a.backupRecords)
    .slice(0, MOST_SHOWN)
    .map(({ dataset, equal, backupRecords, targetRecords, missing, unexpected }) => [
      dataset,
      number(backupRecords),
      number(targetRecords),
      equal ? 'equal' : `DIFFERENT: ${number(missing)} missing, ${number(unexpected)} unexpected`,
    ]);
  const more =
    comparison.length > rows.length ? `and ${comparison.length - rows.length} more datasets\n` : '';
  return `  restored   in ${duration(restoreMs)} (recovery time), ${plural(records, 'record')}, ${bytes(plainBytes)}${rate}
  compared   in ${duration(compareMs)}, ${plural(comparison.length, 'dataset')}
  schema     ${schema ? describeSchema(schema) : 'not compared'}
${moment ? describeMoment(moment) : ''}${schema?.outcome === 'different' ? list('missing', schema.missing) + list('unexpected', schema.unexpected) + list('changed', schema.changed) : ''}${table(['DATASET', 'BACKUP', 'RESTORED', ''], rows)}${more}`;
}

function describeMoment({ at, outcome, transactions, rows, replayMs, datasets }: DrilledMoment): string {
  const different = datasets.filter(({ state }) => state === 'different').map(({ dataset }) => dataset);
  const found = outcome === 'different' ? `DIFFERENT: ${different.join(', ')}` : outcome;
  return `  moment     ${at}: ${plural(transactions, 'transaction')} with ${plural(rows, 'row')} applied in ${duration(replayMs)}, ${found}
`;
}

function describeSchema({ outcome, objects, why }: NonNullable<DrillResult['schema']>): string {
  if (outcome === 'none') return 'none: this kind of source has no schema';
  if (outcome === 'names') return `${plural(objects, 'object')}, all there by name; ${why}`;
  return `${plural(objects, 'object')}, ${outcome === 'equal' ? 'all equal' : 'DIFFERENT'}`;
}

function list(title: string, lines: readonly string[]): string {
  const shown = lines.slice(0, MOST_SHOWN);
  const more = lines.length > shown.length ? `             and ${lines.length - shown.length} more\n` : '';
  return shown.map((line, i) => `  ${(i === 0 ? title : '').padEnd(10)} ${line}\n`).join('') + more;
}
