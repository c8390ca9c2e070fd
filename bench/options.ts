import { parseArgs } from 'node:util';

export const HELP = `Usage: npm run bench [-- [PROGRAM] [options]]

Programs:
  compare   Holdfast, restic, borg and zstd | age in turn on the same data: first backup, 1 % changed, unchanged,
            restore, restore after 16 daily backups; what is restored is checked. The default
  live      a PostgreSQL 15 server to a folder and to Ceph RGW, and back, beside pg_dump -Fc and
            pg_dump | zstd -3 | age; S3 requests of a backup of 5 MB
  churn     30 days of 1 % changed or appended, a backup a day: repository size after each day; and 415 days of 1 to
            5 % in memory: what the newest backup needs, by a first backup
  scale     0.1 and 1 GB (10 GB with --full), made while they are read: time, memory, requests
  cold      cold starts of the Lambda functions, from their bundles, under AWS's runtime client
  repository  lists, status, prune and quick verification of 10, 100 and 1,000 GB, 500 backups and 2,000 reports,
            in a folder and on Ceph RGW (there 1,000 GB with --full)

Options:
  --quick       small data, one round: about a minute; writes no results unless --write is given
  --full        scale: 10 GB too; churn: 2,500,000 rows instead of 300,000
  --rounds N    compare, live: how often each step is run (3)
  --only NAME   compare: one of table, text, tree, log, shuffled; repository: a size in GB
  --write       write results even of --quick, --only
  --help

Results go to the terminal and to bench/results.md (compare) or bench/results-PROGRAM.md. Tools that are not
installed are left out, and named: apt-get install restic borgbackup zstd age postgresql-15 radosgw ceph-mon ceph-osd
ceph-common. Needs 6 GB in the temporary folder; churn --full needs 10 GB.
`;

const PROGRAMS = ['compare', 'live', 'churn', 'scale', 'cold', 'repository'] as const;
export type ProgramName = (typeof PROGRAMS)[number];

export interface Options {
  readonly program: ProgramName;
  readonly quick: boolean;
  readonly full: boolean;
  readonly rounds: number;
  readonly only: string | undefined;
  readonly isWritten: boolean;
}

/** Undefined if help was asked for. @throws Error naming what is not allowed */
export function parseOptions(argv: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      rounds: { type: 'string' },
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
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds is '${values.rounds}'; allowed are whole numbers from 1`);
  const { quick, full, only, write } = values;
  return { program, quick, full, rounds, only, isWritten: write || !(quick || only !== undefined) };
}
