import path from 'node:path';
import { csvRow } from '../shared/core/csv.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import { writeOutputFile } from '../shared/core/output-file.ts';
import type { ResultColumn, ResultValue } from '../shared/jobs/inside/query/messages.ts';
import {
  type QueryOptions,
  type QueryResult,
  runQuery,
  writeQuery,
} from '../shared/jobs/inside/query/query.ts';
import type { QueryThread } from '../shared/jobs/inside/query/query-thread.ts';
import { bytes, plural, table } from './format.ts';
import { type Io, write, writeTexts } from './io.ts';
import type { KeyFlags } from './key-options.ts';
import { cellText, memoryOf, type QueryFormat, rowJson, SHOWN_ROWS } from './query-text.ts';
import { limitOf } from './rows-text.ts';
import { CommandSession, type SessionFlags } from './session.ts';

/** A statement of `holdfast query`, and what its words and options say. */
export interface Statement {
  /** Which backups. */
  readonly words: readonly string[];
  readonly sql: string;
  readonly format: QueryFormat;
  readonly values: SessionFlags &
    KeyFlags & {
      readonly limit?: string | undefined;
      readonly output?: string | undefined;
      readonly memory?: string | undefined;
    };
  readonly thread: QueryThread;
}

/** Opens the backups, runs the statement, prints or writes what it gives. @returns the exit status */
export async function runStatement(
  { words, sql, format, values, thread }: Statement,
  io: Io,
): Promise<number> {
  await using session = await CommandSession.open({ ...values, source: undefined }, io);
  // Many statements need a chunk or two, for which no other thread has to start.
  session.repository.prepareHere();
  const { keys, readers } = await openAll(session, words, words.length > 1 ? {} : values);
  const warnings: string[] = [];
  const how: QueryOptions = {
    memoryBytes: memoryOf(values.memory),
    onWarning: (warning) => warnings.push(warning),
    thread,
    signal: io.signal,
  };
  const sayWarnings = () => {
    for (const warning of warnings) session.progress.say(`warning: ${warning}`);
  };
  if (values.output !== undefined) {
    const output = path.resolve(io.cwd, values.output);
    const limit = limitOf(values.limit, Number.POSITIVE_INFINITY);
    const written = await writeOutputFile(output, { replace: false }, async (file) => {
      if (format === 'parquet') {
        await writeQuery(readers, { sql, file: file.end.path }, how);
        return file.writtenByOther();
      }
      await using result = await runQuery(readers, sql, how);
      for await (const text of texts(result, format, limit)) await file.write(Buffer.from(text));
      return file.end.at;
    });
    sayWarnings();
    await session.report(
      { backups: keys, format, output: values.output, bytes: written, warnings },
      `Wrote ${values.output}, ${bytes(written)}: plain data, readable only by its owner (0600)\n`,
    );
    return 0;
  }
  await using result = await runQuery(readers, sql, how);
  if (!session.isJson && format !== 'table') {
    const limit = limitOf(values.limit, Number.POSITIVE_INFINITY);
    await writeTexts(io.stdout, texts(result, format, limit));
    sayWarnings();
    return 0;
  }
  const limit = limitOf(values.limit, SHOWN_ROWS);
  const { rows, isCut } = await firstOf(result, limit);
  const { columns } = result;
  if (session.isJson) {
    session.progress.clear();
    const head = JSON.stringify({ backups: keys, columns, isCut, warnings }).slice(0, -1);
    const lines = rows.map((row) => rowJson(columns, row));
    await write(io.stdout, Buffer.from(`${head},"rows":[${lines.join(',')}]}\n`));
    return 0;
  }
  const cells = rows.map((row) => row.map((value) => (cellText(value) ?? 'NULL').replaceAll('\n', '\\n')));
  await session.print(
    {},
    table(
      columns.map(({ name }) => name),
      cells,
      session.screen,
    ),
  );
  if (isCut) session.progress.say(`Only the first ${plural(limit, 'row')} are shown; --limit all shows all.`);
  sayWarnings();
  return 0;
}

/** The backups, in their order. */
async function openAll(
  session: CommandSession,
  words: readonly string[],
  of: Parameters<CommandSession['backup']>[1],
) {
  const keys: BackupKey[] = [];
  for (const word of words) keys.push(await session.backup(word, of));
  const readers: Awaited<ReturnType<CommandSession['repository']['openBackup']>>[] = [];
  for (const key of keys) readers.push(await session.repository.openBackup(key, session.io.signal));
  return { keys, readers };
}

type Row = readonly ResultValue[];

/** The first rows, and whether there are more. */
async function firstOf(
  result: QueryResult,
  limit: number,
): Promise<{ readonly rows: readonly Row[]; readonly isCut: boolean }> {
  const rows: Row[] = [];
  for await (const batch of result.rows()) {
    for (const row of batch) {
      if (rows.length === limit) return { rows, isCut: true };
      rows.push(row);
    }
  }
  return { rows, isCut: false };
}

async function* texts(result: QueryResult, format: QueryFormat, limit: number): AsyncGenerator<string> {
  const { columns } = result;
  const line = format === 'csv' ? csvLine : rowJson;
  let count = 0;
  yield format === 'csv' ? csvRow(columns.map(({ name }) => name)) : '[';
  for await (const batch of result.rows()) {
    const rows = batch.slice(0, limit - count);
    const separator = (i: number) => (format === 'csv' ? '' : count + i === 0 ? '\n' : ',\n');
    yield rows.map((row, i) => `${separator(i)}${line(columns, row)}`).join('');
    count += rows.length;
    if (count >= limit) break;
  }
  if (format !== 'csv') yield count === 0 ? ']\n' : '\n]\n';
}

function csvLine(_columns: readonly ResultColumn[], row: Row): string {
  return csvRow(row.map(cellText));
}
