import { type VerifyDepth, type VerifyReport, verifyBackups } from '../../shared/jobs/verify.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { bytes, duration, plural, shortKey } from '../format.ts';
import { Session } from '../session.ts';

const options = {
  all: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  subset: { type: 'string' },
} as const;

export const verify: Command = {
  options,
  help: `Usage: holdfast verify [KEY | --all] [--quick | --full | --subset N/T]

      --all               every listed backup
      --quick             every pack is there with its size and the store's checksum; reads no pack, needs no key
      --full              every byte: pack names, decryption, every chunk and count (the default)
      --subset N/T        full, on the N-th of T parts of the packs; all T together are --full

${COMMON_HELP}
Examples:
  holdfast verify latest
  holdfast verify --all --quick
  holdfast verify --all --subset 3/7

Exit status: 0 whole; 20 damage found; 12 wrong key; 75 the store cannot be reached, which says nothing about damage.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const depth = depthOf(values);
    if (values.all && positionals.length > 0) throw usage('KEY and --all exclude each other');
    await using session = await Session.open(values, io);
    const keys = values.all
      ? await session.repository.backupKeys(io.signal)
      : [await session.backup(positionals[0] ?? 'latest')];
    const began = performance.now();
    const report = await verifyBackups(session.repository, keys, {
      depth,
      onProgress: session.progress.on,
      signal: io.signal,
    });
    await session.print(report, describe(report, performance.now() - began));
    return report.findings.length > 0 ? 20 : 0;
  },
};

function depthOf({
  quick,
  full,
  subset,
}: {
  readonly quick?: boolean;
  readonly full?: boolean;
  readonly subset?: string;
}): VerifyDepth {
  if ([quick, full, subset !== undefined].filter(Boolean).length > 1)
    throw usage('--quick, --full and --subset exclude each other');
  if (quick) return { kind: 'quick' };
  if (subset === undefined) return { kind: 'full' };
  const [, n = '', t = ''] = /^(\d{1,4})\/(\d{1,4})$/.exec(subset) ?? [];
  const part = Number(n);
  const of = Number(t);
  if (part >= 1 && part <= of) return { kind: 'subset', part, of };
  throw usage(`--subset is '${subset}'; wanted is N/T with N from 1 to T`, 'For example --subset 3/7.');
}

function describe(
  { backups, depth, packs, chunks, records, readBytes, findings }: VerifyReport,
  ms: number,
): string {
  const what =
    depth.kind === 'quick'
      ? `${plural(packs, 'pack')} there with the right size`
      : `${plural(packs, 'pack')}, ${plural(chunks, 'chunk')}, ${plural(records, 'record')}, ${bytes(readBytes)} read`;
  const subject = backups.length === 1 ? shortKey(backups[0] ?? '') : `${plural(backups.length, 'backup')}`;
  if (findings.length === 0) return `${subject}: whole (${depth.kind}). ${what}, in ${duration(ms)}\n`;
  const lines = findings.map(
    ({ object, problem, backups: hit }) =>
      `  ${object}\n    ${problem}\n    needed by ${hit.map(shortKey).join(', ')}\n`,
  );
  return `${subject}: DAMAGED, ${findings.length} ${findings.length === 1 ? 'problem' : 'problems'}\n${lines.join('')}
What to do: bring the objects back from a copy or an older version of the bucket; the next backup stores missing
packs again from the live database. Backups that are not named above are not affected.
`;
}
