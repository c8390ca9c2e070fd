import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { OF_THE_PACKAGE } from '../tools/build-options.ts';
import { startPostgres } from '../tools/embedded-postgres.ts';
import { installHoldfast } from '../tools/installed.ts';
import type { InsideResult, InsideStep } from './inside-run.ts';
import { measure, settle } from './measure.ts';
import type { Options } from './options.ts';
import { type Bar, codeTable, megabytes, type Spread, showBars, spread } from './report.ts';
import { HOLDFAST_KEY, NODE } from './tools.ts';

const FULL_ROWS = 5_000_000;
const CHANGED = 0.01;
const DATASET = 'public.readings';
const MOST_DIFF_BYTES = 0.03;
const MOST_DIFF_TIME = 1 / 4;
const MOST_OF_TWO_COLUMNS = 1 / 3;
const MOST_FIRST_ROWS_S = 1;

/** Twelve columns of a table as applications have them, in pairs: each pair is queried alone. */
const PAIRS = [
  ['id', 'customer'],
  ['sku', 'quantity'],
  ['price', 'discount'],
  ['paid', 'at'],
  ['state', 'email'],
  ['note', 'token'],
] as const;
const TABLE = `CREATE TABLE readings (id bigint PRIMARY KEY, customer int, sku text NOT NULL, quantity smallint,
  price numeric(10, 2), discount numeric(5, 3), paid boolean, at timestamptz NOT NULL, state text NOT NULL, email text,
  note text, token uuid)`;
const fill = (rows: number) => `INSERT INTO readings
  SELECT i, h % 90000, 'SKU-' || h % 7000, h % 12, (h % 1000000) / 100.0, (h % 400) / 1000.0,
         CASE h % 10 WHEN 0 THEN NULL ELSE h % 3 = 0 END, timestamptz '2026-01-01 00:00+00' + i * interval '7.3 seconds',
         (ARRAY['new', 'paid', 'sent', 'returned'])[1 + h % 4], 'person.' || h % 90000 || '@example.org',
         CASE h % 5 WHEN 0 THEN NULL ELSE ${Array.from({ length: 6 }, (_, n) => `(ARRAY['late', 'parcel', 'customer', 'asked', 'again', 'colour', 'wrong', 'refund', 'street', 'call'])[1 + (h >> ${3 * n}) % 10]`).join(` || ' ' || `)} END,
         md5(i::text)::uuid
    FROM (SELECT i, abs(hashint8(i)::bigint) AS h FROM generate_series(1, ${rows}) i) AS made`;

/**
 * Looking inside: what a difference of two backups fetches and takes beside reading both, what a query of two columns of twelve fetches
 * and decompresses beside one of all, and when the first rows are there.
 */
export async function inside(folder: string, { size, rounds }: Options): Promise<string> {
  const program = installHoldfast(folder);
  const rows = Math.max(20_000, Math.round(FULL_ROWS * size));
  const built = await buildSteps(path.dirname(path.dirname(program)));
  const repository = path.join(folder, 'repository');
  const changed = await makeBackups({ program, repository, rows });
  const step = async (name: InsideStep, sql = ''): Promise<InsideResult> => {
    const result = path.join(folder, 'result.json');
    const argv = [
      ...NODE,
      '--import',
      path.join(built, 'count-decompressed.js'),
      path.join(built, 'inside-run.js'),
    ];
    await settle(repository);
    await measure({ argv: [...argv, name, repository, DATASET, sql, result] });
    return JSON.parse(readFileSync(result, 'utf8')) as InsideResult;
  };
  const read: InsideResult[] = [];
  const diffs: InsideResult[] = [];
  const firstS: number[] = [];
  for (let round = 0; round < rounds; round++) {
    console.log(`round ${round + 1} of ${rounds}`);
    read.push(await step('read both'));
    diffs.push(await step('diff'));
    firstS.push(await firstRowsS(program, repository));
  }
  refuseOther(read, 2 * rows, 'records read');
  refuseOther(diffs, changed, 'rows that differ');
  const all = await step('query', `SELECT ${PAIRS.flat().map(maxOf).join(', ')} FROM readings`);
  const pairs: InsideResult[] = [];
  for (const pair of PAIRS)
    pairs.push(await step('query', `SELECT ${pair.map(maxOf).join(', ')} FROM readings`));
  const one = Math.round(rows / 3);
  const byKey = await step('query', `SELECT note FROM readings WHERE id = ${one}`);
  refuseOther([byKey], 1, 'rows of one key');
  const shares = { read, diffs, pairs, all, byKey, firstS };
  return `PostgreSQL 18, a table of ${rows} rows and twelve columns; two backups of it in a folder, ${changed} rows in one range changed between them. Each step is a process of its own, of built code, that remembers nothing; its time begins when it opens the repository. Reading both is decrypting and decompressing every record of both, and nothing else. Queries take the greatest value of columns: two at a time, each of the twelve once, and all twelve. Decompressed is what zstd gives, in all threads. The first rows are those of \`holdfast query KEY "select * from readings limit 10"\`, from the start of the program to its end.

${showBars(barsOf(shares))}

${showSteps(shares)}`;
}

/** Builds what runs the steps as the package is built, into its folder: from sources, each thread would strip types first. */
async function buildSteps(holdfast: string): Promise<string> {
  const outdir = path.join(holdfast, 'bench');
  await build({
    entryPoints: {
      'inside-run': 'bench/inside-run.ts',
      'codec-worker': 'shared/repository/codec/codec-worker.ts',
      'count-decompressed': 'bench/count-decompressed.ts',
      'query-worker': 'shared/jobs/inside/query/query-worker.ts',
    },
    outdir,
    ...OF_THE_PACKAGE,
  });
  return outdir;
}

function maxOf(column: string): string {
  return `max("${column}")`;
}

/** @returns how many rows differ */
async function makeBackups({
  program,
  repository,
  rows,
}: {
  readonly program: string;
  readonly repository: string;
  readonly rows: number;
}): Promise<number> {
  await using server = await servedTable(rows);
  const env = {
    HOLDFAST_REPOSITORY: repository,
    BACKUP_ENCRYPTION_KEY: HOLDFAST_KEY,
    SHOP: server.url,
  };
  const holdfast = (...args: string[]) => measure({ argv: [program, ...args, '--quiet'], env });
  await holdfast('init');
  await holdfast('backup', '--source', 'env:SHOP');
  const from = Math.round(rows * 0.4);
  const changed = Math.round(rows * CHANGED);
  await server.query(
    `UPDATE readings SET price = price + 1, state = 'changed', note = 'was ' || note WHERE id > ${from} AND id <= ${from + changed}`,
  );
  await server.query('VACUUM ANALYZE readings');
  await holdfast('backup', '--source', 'env:SHOP');
  return changed;
}

async function servedTable(rows: number) {
  const server = await startPostgres({ settings: { max_wal_size: "'4GB'" } });
  const url = await server.createDatabase('shop');
  const query = (sql: string) => server.query('shop', sql);
  for (const sql of [TABLE, fill(rows), 'VACUUM ANALYZE readings']) await query(sql);
  return { url, query, [Symbol.asyncDispose]: () => server.stop() };
}

async function firstRowsS(program: string, repository: string): Promise<number> {
  const env = { HOLDFAST_REPOSITORY: repository, BACKUP_ENCRYPTION_KEY: HOLDFAST_KEY };
  const sql = 'select * from readings limit 10';
  await settle(repository);
  const argv = [program, 'query', 'latest', sql, '--format', 'csv'];
  const { wallS } = await measure({ argv, env, isWatched: false });
  return wallS;
}

/** A figure counts only if the right thing was measured. */
function refuseOther(found: readonly InsideResult[], wanted: number, what: string): void {
  const other = found.find(({ rows }) => rows !== wanted);
  if (other) throw new Error(`${other.rows} ${what}, expected ${wanted}`);
}

interface Shares {
  readonly read: readonly InsideResult[];
  readonly diffs: readonly InsideResult[];
  /** A query of each pair of columns. */
  readonly pairs: readonly InsideResult[];
  readonly all: InsideResult;
  /** A query of one row by its key. */
  readonly byKey: InsideResult;
  readonly firstS: readonly number[];
}

function barsOf({ read, diffs, pairs, all, firstS }: Shares): readonly Bar[] {
  const ofBoth = (figure: 'fetchedBytes' | 'wallS'): Spread =>
    spread(diffs.map((one, round) => one[figure] / (read[round]?.[figure] ?? 0)));
  const ofAll = (figure: 'fetchedBytes' | 'decompressedBytes'): Spread =>
    spread(pairs.map((one) => one[figure] / all[figure]));
  return [
    {
      measure: 'diff: bytes fetched, by reading both',
      limit: MOST_DIFF_BYTES,
      measured: ofBoth('fetchedBytes'),
    },
    { measure: 'diff: time, by reading both', limit: MOST_DIFF_TIME, measured: ofBoth('wallS') },
    {
      measure: 'two columns of twelve: bytes decompressed, by all',
      limit: MOST_OF_TWO_COLUMNS,
      measured: ofAll('decompressedBytes'),
    },
    {
      measure: 'two columns of twelve: bytes fetched, by all',
      limit: MOST_OF_TWO_COLUMNS,
      measured: ofAll('fetchedBytes'),
    },
    { measure: 'limit 10: seconds to the last row', limit: MOST_FIRST_ROWS_S, measured: spread(firstS) },
  ];
}

function showSteps({ read, diffs, pairs, all, byKey }: Shares): string {
  const row = (name: string, { wallS, gets, fetchedBytes, decompressedBytes, peakBytes }: InsideResult) => [
    name,
    wallS.toFixed(2),
    String(gets),
    megabytes(fetchedBytes),
    megabytes(decompressedBytes),
    (peakBytes / 1e6).toFixed(0),
  ];
  return codeTable(
    ['STEP', 'WALL S', 'GETS', 'FETCHED MB', 'DECOMPRESSED MB', 'PEAK MB'],
    [
      row('read both', medianOf(read)),
      row('diff', medianOf(diffs)),
      row('query of all columns', all),
      row('query of one key', byKey),
      ...pairs.map((one, i) => row(`query of ${PAIRS[i]?.join(', ') ?? ''}`, one)),
    ],
  );
}

/** The round whose time is the median. */
function medianOf(rounds: readonly InsideResult[]): InsideResult {
  const median = rounds.toSorted((a, b) => a.wallS - b.wallS)[Math.floor(rounds.length / 2)];
  if (!median) throw new Error('no round was measured');
  return median;
}
