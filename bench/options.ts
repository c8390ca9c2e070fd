import { parseArgs } from 'node:util';

export const HELP = `Usage: npm run bench [-- [PROGRAM] [options]]

Programs:
  compare   Holdfast, restic, borg and zstd | age in turn on the same data: first backup, 1 % changed, unchanged,
            restore, restore after 16 daily backups; what is restored is checked. The default
  live      a database server to a folder and back, beside the programs that people use for it. --source says which:
              postgres     PostgreSQL 15, also to Ceph RGW, beside pg_dump -Fc, pg_dump -Fd -j 2 and
                           pg_dump | zstd -3 | age; S3 requests of a backup of 5 MB. The default
              postgres-18  the same with PostgreSQL 18 of npm; beside COPY | zstd -3 | age if no pg_dump reads it
              mysql        MariaDB, 2 GB, beside mariadb-dump | zstd -3 | age
  churn     30 days of 1 % changed or appended, a backup a day: repository size after each day; and 415 days of 1 to
            5 % in memory: what the newest backup needs, by a first backup
  scale     0.1 and 1 GB (10 GB with --full), made while they are read: time, memory, requests
  start     how long commands take until they ask the repository for its first object
  cold      cold starts of the Lambda functions, from their bundles, under AWS's runtime client; sizes of the bundles
  repository  lists, status, prune and quick verification of 10, 100 and 1,000 GB, 500 backups and 2,000 reports,
            in a folder and on Ceph RGW (there 1,000 GB with --full)
  changes   continuous backup of PostgreSQL 18 and MariaDB: requests, bytes and CPU of a poll, idle and at 500 transactions
            a second, lag, rows a second that are applied, memory of a transaction of 1,000,000 rows
  inside    looking inside of 5,000,000 rows: bytes and time of a difference of 1 % beside reading both backups, bytes of a
            query of two columns of twelve, seconds to the first rows
  all       every program above, live with each source, one after the other, each in a process of its own: renews all
            results, and says how long each took

Options:
  --quick       small data, one round: about a minute; writes no results unless --write is given
  --full        scale: 10 GB too; churn: 2,500,000 rows instead of 300,000; repository: 1,000 GB on Ceph RGW
  --rounds N    compare, live, scale, start, cold, inside: how often each step is run (3)
  --size PART   of the data's full size, more than 0 and at most 1 (1); compare, live, churn, scale, changes, inside
  --source NAME live: postgres, postgres-18 or mysql
  --data FILE   compare: this file alone, such as a table as COPY text or TSV, one record a line. The next version has
                another last field in 1 % of the lines
  --only NAME   compare: one of table, numbers, json, prose, text, tree, log, shuffled; repository: a size in GB
  --write       write results even of --quick, --size, --data, --only
  --help

Results go to the terminal and to bench/results.md (compare) or bench/results-PROGRAM.md. Tools that are not
installed are left out, and named: apt-get install restic borgbackup zstd age postgresql-15 mariadb-server radosgw
ceph-mon ceph-osd ceph-common. Needs 8 GB in the temporary folder, live with mysql and churn --full 14 GB.
`;

const PROGRAMS = [
  'compare',
  'live',
  'churn',
  'scale',
  'start',
  'cold',
  'repository',
  'changes',
  'inside',
  'all',
] as const;
export type ProgramName = (typeof PROGRAMS)[number];

const LIVE_SOURCES = ['postgres', 'postgres-18', 'mysql'] as const;
/** Which server `live` backs up. */
export type LiveSource = (typeof LIVE_SOURCES)[number];

export interface Options {
  readonly program: ProgramName;
  readonly quick: boolean;
  readonly full: boolean;
  readonly rounds: number;
  /** Share of the data's full size, as given or as `--quick` has it; at most 1. */
  readonly size: number;
  readonly source: LiveSource;
  /** A file to compare the tools with. */
  readonly data: string | undefined;
  readonly only: string | undefined;
  readonly isWritten: boolean;
}

const QUICK_SIZE = 1 / 12;

/** Undefined if help was asked for. @throws Error naming what is not allowed */
export function parseOptions(argv: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      size: { type: 'string' },
      source: { type: 'string' },
      data: { type: 'string' },
      only: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const [name = 'compare', ...others] = positionals;
  const program = PROGRAMS.find((known) => known === name);
  if (!program || others.length > 0)
    throw new Error(`'${positionals.join(' ')}' is not a program; there are ${PROGRAMS.join(', ')}`);
  const { quick, full, only, write, data } = values;
  const rounds = roundsOf(values.rounds, quick);
  const size = sizeOf(values.size, quick);
  const source = LIVE_SOURCES.find((known) => known === (values.source ?? LIVE_SOURCES[0]));
  if (!source) throw new Error(`--source is '${values.source}'; there are ${LIVE_SOURCES.join(', ')}`);
  if (values.source !== undefined && program !== 'live')
    throw new Error(`--source belongs to live; the program is ${program}`);
  if (data !== undefined && program !== 'compare')
    throw new Error(`--data belongs to compare; the program is ${program}`);
  const isPart = quick || size < 1 || only !== undefined || data !== undefined;
  return { program, quick, full, rounds, size, source, data, only, isWritten: write || !isPart };
}

function roundsOf(text: string | undefined, quick: boolean): number {
  const rounds = Number(text ?? (quick ? 1 : 3));
  if (Number.isInteger(rounds) && rounds >= 1) return rounds;
  throw new Error(`--rounds is '${text}'; allowed are whole numbers from 1`);
}

function sizeOf(text: string | undefined, quick: boolean): number {
  const size = Number(text ?? (quick ? QUICK_SIZE : 1));
  if (size > 0 && size <= 1) return size;
  throw new Error(`--size is '${text}'; allowed is a part of the full size, such as 0.1`);
}

/** `npm run bench -- live --source mysql`: what makes these results again. */
export function commandOf({ program, source }: Pick<Options, 'program' | 'source'>): string {
  const words = [
    ...(program === 'compare' ? [] : [program]),
    ...(isOtherSource(program, source) ? ['--source', source] : []),
  ];
  return ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
}

/** Where they are written. */
export function resultsFile({ program, source }: Pick<Options, 'program' | 'source'>): string {
  const name = [
    'results',
    ...(program === 'compare' ? [] : [program]),
    ...(isOtherSource(program, source) ? [source] : []),
  ];
  return `bench/${name.join('-')}.md`;
}

function isOtherSource(program: ProgramName, source: LiveSource): boolean {
  return program === 'live' && source !== LIVE_SOURCES[0];
}
