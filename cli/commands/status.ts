import { backupName, depthName } from '../../shared/core/backup-words.ts';
import {
  ERRORS,
  SUSPECT_EXIT_STATUS,
  UNPROTECTED_EXIT_STATUS,
  WARNINGS_EXIT_STATUS,
} from '../../shared/core/errors.ts';
import type { CopyStanding } from '../../shared/jobs/copy/copy-lag.ts';
import type { BucketCheck } from '../../shared/jobs/doctor/bucket-rules.ts';
import type { SourceLock } from '../../shared/jobs/lock/lock-state.ts';
import { measurePacks, type RepositoryStatus } from '../../shared/jobs/status/status.ts';
import { type Verdict, verdictOf } from '../../shared/jobs/verdict/verdict.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { describeCopies } from '../describe-copies.ts';
import { readGrowth } from '../describe-growth.ts';
import { age, bytes, comparedSize, duration, number, plural, ratio, table, time } from '../format.ts';
import { nextSteps } from '../next-steps.ts';
import { readSafety } from '../safety.ts';
import { CommandSession } from '../session.ts';
import { type Screen, type Styled, styled } from '../style.ts';

type SourceStatus = RepositoryStatus['sources'][number];

/** Most backups to name in a line. */
const MOST_NAMED = 5;

/** `holdfast status`: whether the sources are protected, and what is to be done. */
export const status: Command = {
  options: {},
  help: `Usage: holdfast status

Says first whether you are safe (protected, at risk, unprotected, or unknown), why, and what was checked:
the configured sources, how old their newest good backups are and may be, how the last runs ended, what
verifications and drills found, second places, locks, and the bucket's rules. Then what is stored, how it grows, what
storage costs, and what to do next. Reads manifests, reports and the history of runs, but no packs; needs no key.

${COMMON_HELP}
Examples:
  holdfast status
  holdfast status --json | jq -r .verdict.level

Exit status: 0 protected; else the first that applies: 20 a manifest is damaged, or a verification found damage; 11
a rule of the bucket removes or archives backups; 42 unprotected; 40 suspect backups wait to be accepted; 41 at risk, or
something could not be checked. 10 no repository.
`,

  async run(argv, io) {
    const { values } = parse(argv, {}, 0);
    await using session = await CommandSession.open(values, io);
    const { status, namedPacks, bucket, copies, locked, facts } = await readSafety(session);
    const all = { ...status, ...(await measurePacks(session.repository, namedPacks, io.signal)) };
    const { packedDays, ...found } = all;
    const { text: growing, ...growth } = await readGrowth(session.repository, all, {
      price: session.config.price,
      signal: io.signal,
    });
    const verdict = verdictOf(facts);
    const steps = nextSteps(verdict.steps, found.recovery);
    const document = {
      verdict,
      ...found,
      growth,
      bucket,
      copies,
      ...(locked ? { locked } : {}),
      nextSteps: steps,
    };
    await session.print(
      document,
      describe(all, { verdict, steps, locked, copies, growing, screen: session.screen }, verdict.at),
    );
    session.sayIfUnproven();
    return exitStatus(all, bucket, verdict);
  },
};

function exitStatus(
  { damaged, sources }: RepositoryStatus,
  { dangers }: BucketCheck,
  { level }: Verdict,
): number {
  if (damaged > 0 || sources.some(({ failed }) => failed.length > 0))
    return ERRORS.E_VERIFY_FAILED.exitStatus;
  if (dangers.some(({ effect }) => effect !== 'one-zone')) return ERRORS.E_UNSAFE_BUCKET.exitStatus;
  if (level === 'unprotected') return UNPROTECTED_EXIT_STATUS;
  if (sources.some(({ waiting }) => waiting.length > 0)) return SUSPECT_EXIT_STATUS;
  return level === 'protected' ? 0 : WARNINGS_EXIT_STATUS;
}

interface Shown {
  readonly verdict: Verdict;
  readonly steps: readonly string[];
  readonly locked: readonly SourceLock[] | undefined;
  readonly copies: readonly CopyStanding[];
  readonly growing: string;
  readonly screen: Screen;
}

function describe(
  found: RepositoryStatus,
  { verdict, steps, locked, copies, growing, screen }: Shown,
  now: Date,
): Styled {
  const {
    location,
    repositoryId,
    rootKeyId,
    backups,
    newest,
    logicalBytes,
    packBytes,
    packs,
    unreferencedBytes,
  } = found;
  const rows = newest.map(({ source, type, key, startedAt, records, plainBytes, storedBytes }) => [
    source.name,
    type,
    backupName(key),
    age(startedAt, now),
    number(records),
    bytes(plainBytes),
    bytes(storedBytes),
    ratio(plainBytes, storedBytes),
  ]);
  const header = ['SOURCE', 'TYPE', 'NEWEST', 'AGE', 'RECORDS', 'SIZE', 'ADDED', 'RATIO'];
  const size = comparedSize(logicalBytes, packBytes);
  const unreferenced = unreferencedBytes ? ` (${bytes(unreferencedBytes)} not in any listed backup)` : '';
  return styled`${describeVerdict(verdict)}
repository     ${location} (${repositoryId.slice(0, 8)}, format ${String(found.formatVersion)}, key ${rootKeyId})
backups        ${number(backups)}${found.damaged > 0 ? `, ${found.damaged} of them damaged` : ''}
stored         ${bytes(packBytes)} in ${number(packs)} packs${unreferenced}
holds          ${bytes(logicalBytes)} if every backup were a copy${size === undefined ? '' : `; what is stored is ${size}`}
${growing}
${rows.length > 0 ? styled`${table(header, rows, screen)}\n` : ''}${found.sources.map((source) => `${describeSource(source, { locked, head: headOf(source, found) }, now)}\n`).join('')}${describeCopies(copies, now)}Next:
${steps.map((step) => `  - ${step}\n`).join('')}`;
}

/** The sentence, all further findings, and what was checked. */
function describeVerdict({ sentence, findings, lookedAt, at }: Verdict): string {
  const all = findings.length > 1 ? findings.map(({ text }) => `  - ${text}\n`).join('') : '';
  return `${sentence}\n${all}Checked ${lookedAt.join(', ')}; ${time(at)}.\n`;
}

function describeSource(
  status: SourceStatus,
  { locked, head }: Pick<Shown, 'locked'> & { readonly head: RepositoryStatus['heads'][number] | undefined },
  now: Date,
): string {
  const { source, newestGood, waiting, failed, misdated, held, lastVerify, lastFullVerify, lastDrill } =
    status;
  const good = newestGood ? `${backupName(newestGood.key)}, ${age(newestGood.startedAt, now)}` : 'none';
  const full = lastFullVerify ? `; the last full one ${age(lastFullVerify.at, now)}` : '';
  const verified = lastVerify
    ? `${depthName(lastVerify.depth)}, ${age(lastVerify.at, now)}${lastVerify.depth.kind === 'full' ? '' : full}`
    : 'never';
  const drilled = lastDrill
    ? `${age(lastDrill.at, now)}, ${lastDrill.outcome}, ${plural(lastDrill.records, 'record')} restored in ${duration(lastDrill.restoreMs)}`
    : 'never';
  const lines = [
    ['newest good', good],
    ...lockLine(locked?.find(({ backup }) => backup === newestGood?.key)),
    ...(head ? [['number', `${number(head.number)}, SHA-256 ${head.sha256}`]] : []),
    ['verified', verified],
    ['drilled', drilled],
    ...named('suspect', waiting),
    ...named('DAMAGED', failed),
    ...named('misdated', misdated),
    ...named('held', held),
  ];
  return `${source.name}\n${lines.map(([name = '', value = '']) => `  ${name.padEnd(12)} ${value}\n`).join('')}`;
}

function headOf({ source }: SourceStatus, { heads }: RepositoryStatus) {
  return heads.find(({ source: { kind, name } }) => kind === source.kind && name === source.name);
}

function lockLine(lock: SourceLock | undefined): string[][] {
  if (!lock) return [];
  const { until, mode, problem } = lock;
  if (problem !== null) return [['locked', `unknown: ${problem}`]];
  if (until === null) return [['locked', 'NO: somebody could remove what it needs; run: holdfast lock']];
  const but = mode === 'governance' ? ' without a right to lift locks (governance)' : '';
  return [['locked', `nobody${but} can remove it before ${time(until)}`]];
}

/** Names the newest few. */
function named(name: string, keys: readonly string[]): string[][] {
  if (keys.length === 0) return [];
  const more = keys.length > MOST_NAMED ? ` and ${keys.length - MOST_NAMED} more` : '';
  return [[name, keys.slice(0, MOST_NAMED).map(backupName).join(', ') + more]];
}
