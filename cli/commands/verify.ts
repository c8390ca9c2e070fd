import { backupName } from '../../shared/core/backup-words.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { noteOfVerify } from '../../shared/jobs/runs/record-run.ts';
import { type VerifyReport, verifyBackups } from '../../shared/jobs/verify/verify.ts';
import { MOST_PARTS, parseSubset, type VerifyDepth } from '../../shared/jobs/verify/verify-depth.ts';
import { type Kept, keepVerifyReport } from '../../shared/jobs/verify/verify-report.ts';
import { notVerifiedSince } from '../../shared/jobs/verify/verify-since.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { bytes, duration, parseSince, plural } from '../format.ts';
import { HeadsFile } from '../heads-file.ts';
import { KEY_HELP, KEY_OPTIONS, refuseKeyFlags } from '../key-options.ts';
import { recordedCommand } from '../recorded.ts';
import { recoveryWarnings } from '../recovery-warnings.ts';
import { CommandSession } from '../session.ts';

const options = {
  all: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  full: { type: 'boolean', default: false },
  subset: { type: 'string' },
  since: { type: 'string' },
  heads: { type: 'string' },
  copy: { type: 'boolean', default: false },
  ...KEY_OPTIONS,
} as const;

const MOST_NAMED = 20;

/** `holdfast verify`: checks whether backups are what was written. */
export const verify: Command = {
  options,
  help: `Usage: holdfast verify [KEY | --all] [--quick | --full | --subset N/T] [--since TIME]
                       [--heads FILE] [--copy]

Looks for damage. The result is kept as a report in the repository; the next backup stores again what is in
damaged packs, as far as the database still has it.

      --all               every listed backup and, unless --quick, every other object: reports, root keys, what
                          prune unlisted, packs that no backup names; and whether the backups of each source follow
                          one another, except for what prune removed
      --quick             every pack exists with its size and the store's checksum; reads no pack, needs no key
      --full              every byte: pack names, decryption, every chunk and count (the default)
      --subset N/T        full, on the N-th of T parts of the packs; all T together are --full
      --since TIME        all backups that were not found whole at this depth since then: an age (30m,
                          12h, 7d) or a time (2026-03-01, 2026-03-01T02:00:00Z)
      --heads FILE        with --all: checks that the newest backups recorded in FILE still exist or were removed by
                          prune; then records the present ones. Keep it where nobody who can write to the repository
                          can reach it. \`status --json\` makes such a file too
      --copy              with --all, for a second place: it may have only some of the backups
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast verify latest
  holdfast verify --all --quick
  holdfast verify --all --subset 3/7
  holdfast verify --since 7d
  holdfast verify --all --quick --heads /var/lib/holdfast/heads.json

Exit status: 0 whole; 20 damage found, even if the store was lost afterwards; 12 wrong key or none; 75 or 13 the
store cannot be reached, which says nothing about damage.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const depth = depthOf(values);
    const [only] = positionals;
    refuseMixed(values, only);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const heads = values.heads === undefined ? undefined : await HeadsFile.read(values.heads, io);
    const keys = await chooseKeys(session, { ...values, depth, only });
    const began = performance.now();
    const work = (signal: AbortSignal) =>
      verifyBackups(session.repository, keys, {
        depth,
        others: values.all,
        sequence: values.all ? { seen: heads?.seen, isCopy: values.copy === true } : undefined,
        onProgress: session.progress.on,
        signal,
      });
    const [key] = keys;
    const about = { kind: 'verify', backup: keys.length === 1 && key ? key : null } as const;
    const report = await recordedCommand(session, about, work, noteOfVerify);
    await heads?.note(report.sequence);
    const kept = await keepVerifyReport(session.repository, report, io.signal);
    if (kept.warning !== undefined) session.progress.say(`warning: ${kept.warning}`);
    const status = report.findings.length > 0 ? 20 : 0;
    await session.report(documentOf(report, kept), describe(report, performance.now() - began), status);
    for (const warning of recoveryWarnings(report.recovery)) session.progress.say(`warning: ${warning}`);
    return status;
  },
};

interface Scope {
  readonly all?: boolean;
  readonly since?: string | undefined;
  readonly heads?: string | undefined;
  readonly copy?: boolean;
  readonly source?: string | undefined;
  readonly type?: string | undefined;
}

/** @throws E_USAGE for options that contradict each other, or would have no effect */
function refuseMixed(values: Scope, only: string | undefined): void {
  const isOfMany = values.all || values.since !== undefined;
  if (isOfMany && only !== undefined) throw usage(`give KEY or --${values.all ? 'all' : 'since'}, not both`);
  if (isOfMany) refuseKeyFlags(values);
  if (values.all || (values.heads === undefined && !values.copy)) return;
  throw usage(`--${values.copy ? 'copy' : 'heads'} needs --all`);
}

async function chooseKeys(
  session: CommandSession,
  choice: {
    readonly all?: boolean;
    readonly since?: string | undefined;
    readonly depth: VerifyDepth;
    readonly only: string | undefined;
    readonly source?: string | undefined;
    readonly type?: string | undefined;
  },
): Promise<readonly BackupKey[]> {
  const { repository, io } = session;
  if (!choice.all && choice.since === undefined)
    return [await session.backup(choice.only ?? 'latest', choice)];
  const since = choice.since === undefined ? undefined : parseSince(choice.since, repository.clock.now());
  const keys = await repository.backupKeys(io.signal);
  return since ? notVerifiedSince(repository, keys, { since, depth: choice.depth, signal: io.signal }) : keys;
}

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
    throw usage('give only one of --quick, --full and --subset');
  if (quick) return { kind: 'quick' };
  if (subset === undefined) return { kind: 'full' };
  const parsed = parseSubset(subset);
  if (parsed) return parsed;
  throw usage(
    `--subset is '${subset}'; give N/T, with T from 1 to ${MOST_PARTS} and N from 1 to T`,
    'For example --subset 3/7.',
  );
}

function documentOf({ spoiltPacks: _, interrupted, ...report }: VerifyReport, kept: Kept): object {
  return {
    ...report,
    recovery: report.recovery ?? null,
    sequence: report.sequence ?? null,
    interrupted: interrupted ? { code: interrupted.code, message: interrupted.message } : null,
    report: kept.report ?? null,
  };
}

function describe(report: VerifyReport, ms: number): string {
  const { backups, depth, packs, chunks, records, readBytes, findings, isProven, interrupted } = report;
  const what =
    depth.kind === 'quick'
      ? `${plural(packs, 'pack')} present with the right size`
      : `${plural(packs, 'pack')}, ${plural(chunks, 'chunk')}, ${plural(records, 'record')}, ${bytes(readBytes)} read`;
  const others = report.objects > 0 ? ` and ${plural(report.objects, 'other object')}` : '';
  const subject =
    (backups.length === 1 ? backupName(backups[0] ?? '') : plural(backups.length, 'backup')) + others;
  const unproven = isProven
    ? ''
    : 'No key was given, so it is not proven that Holdfast wrote these manifests.\n';
  if (backups.length + report.objects === 0) return 'There is nothing to verify.\n';
  if (findings.length === 0)
    return `${subject}: whole (${nameOf(depth)}). ${what}, in ${duration(ms)}\n${describeHeads(report)}${unproven}`;
  const lines = findings.map(
    ({ object, problem, backups: hit, sharedBy, datasets }) =>
      `  ${object}\n    ${problem}\n    ${hit.length === 0 ? 'not needed by any listed backup' : `needed by ${named(hit.map(backupName))}`}${datasets.length > 0 ? ` for ${named(datasets)}` : ''}\n${
        sharedBy.length > 0
          ? `    ${plural(sharedBy.length, 'other backup')} that refer to it may share the damage: ${named(sharedBy.map(backupName))}\n`
          : ''
      }`,
  );
  const rest = interrupted
    ? `NOT EVERYTHING WAS CHECKED: ${interrupted.message} (${interrupted.code}). Run it again for the rest.\n`
    : '';
  return `${subject}: DAMAGED, ${plural(findings.length, 'problem')}
${lines.join('')}${rest}${unproven}
What to do: restore the objects from a copy or an older version of the bucket. If you can't, back up now: the next backup
stores again what the database still has. \`holdfast repair\` then says which backups are whole again and what is
lost, \`holdfast salvage\` restores the rest of a damaged one.${interrupted ? '' : ' No other backup refers to these objects.'}
`;
}

function describeHeads({ sequence }: VerifyReport): string {
  const { heads = [], removed = 0 } = sequence ?? {};
  if (heads.length === 0) return '';
  const newest = heads.map(
    ({ source, number: of, sha256 }) => `  ${source.name}: number ${of}, SHA-256 ${sha256}\n`,
  );
  return `None is missing; prunes removed ${plural(removed, 'backup')}. The newest:\n${newest.join('')}`;
}

/** All of a few, some of many. */
function named(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return names.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function nameOf(depth: VerifyDepth): string {
  if (depth.kind === 'quick' || depth.kind === 'full') return depth.kind;
  return `${depth.kind === 'new' ? 'new data, ' : ''}part ${depth.part} of ${depth.of}`;
}
