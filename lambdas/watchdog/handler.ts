import * as z from 'zod';
import { backupSchedulesOf, scheduleNames } from '../../shared/config/schedule-names.ts';
import { SECOND_MS } from '../../shared/core/units.ts';
import { readChangeStandings } from '../../shared/jobs/changes/standing.ts';
import { outlookOf } from '../../shared/jobs/notify/outlook.ts';
import type { BackupSummary } from '../../shared/jobs/status/list.ts';
import { readSourceStates } from '../../shared/jobs/status/status.ts';
import type { SafetyFacts, SourceFacts } from '../../shared/jobs/verdict/facts.ts';
import { factsOf } from '../../shared/jobs/verdict/facts-of.ts';
import { provenFacts } from '../../shared/jobs/verdict/proven-facts.ts';
import { LEVELS, levelOf } from '../../shared/jobs/verdict/rules.ts';
import { readRunFacts } from '../../shared/jobs/verdict/run-facts.ts';
import { verdictOf } from '../../shared/jobs/verdict/verdict.ts';
import type { SequenceHead } from '../../shared/jobs/verify/sequence-breaks.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { repositoryIfMade } from '../runtime/repository-if-made.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger, publishMetrics } from '../runtime/telemetry.ts';
import { makeDueBases } from './bases.ts';
import { type CopyStandings, measureCopies } from './copies.ts';
import { tellChannels, testChannel } from './notify.ts';

/** `test`: sends a test to the channel of that name instead. */
const Event = z.strictObject({ test: z.string().max(100).optional() });
const NO_KEYS = { keys: [], notOpened: [], problems: [] };
const NO_BACKUPS = {
  states: { backups: 0, damaged: 0, sources: [], problems: [], recovery: NO_KEYS, heads: [] },
  backups: [],
};
/**
 * The age of a backup that never existed and that no schedule makes: a hundred years, so that alarms fire.
 */
const NEVER_MS = 100 * 365 * 86_400 * SECOND_MS;

/** Judges all sources, measures their ages, and has channels told. */
export const handler = defineFunction(Event, async ({ test }, invocation) => {
  return test === undefined ? watch(invocation) : testChannel(invocation, test);
});

/**
 * Judges whether sources are protected, measures the ages of what protects them, and reports missed backups
 * and schedules that are off. With the key, only what is proven to be Holdfast's makes anything young.
 */
async function watch(invocation: Invocation) {
  const repository = await repositoryIfMade(invocation, { withKey: 'manifests' });
  const standings = repository ? await standingsOf(repository, invocation) : [];
  const off = await tellOfSchedules(invocation);
  const found = repository
    ? await readSourceStates(repository.withoutKey(), { signal: invocation.signal })
    : NO_BACKUPS;
  const facts = await readFacts(repository, invocation, { found, standings, off });
  const headOf = (name: string) => found.states.heads.find((head) => head.source.name === name);
  const verdict = verdictOf(facts);
  if (repository && !repository.isProving)
    logger.warn('no key is configured, so it is not proven that backups and reports are Holdfast’s own');
  const missed: string[] = [];
  for (const source of facts.sources.filter(({ isConfigured }) => isConfigured)) {
    const ageMs = since(source.newestGood?.startedAt, facts) ?? (await waitedMs(source.name, invocation));
    const isMissed = ageMs > source.expected.ms;
    const findings = verdict.findings.filter((finding) => finding.source === source.name);
    const level = LEVELS.indexOf(levelOf(findings));
    const isProofLate = findings.some(({ rule }) => rule === 'proof-old');
    report(source, { ageMs, isMissed, isProofLate, level, head: headOf(source.name) }, facts);
    if (isMissed) missed.push(source.name);
    if (isMissed) await tellOfMissed(source, facts);
  }
  const { level, sentence } = verdict;
  if (level !== 'protected') logger.warn(sentence, { verdict: level });
  const sources = facts.sources.filter(({ isConfigured }) => isConfigured);
  // Before the first backup is due nothing is wrong, and there is nowhere to record notices.
  const told =
    repository || missed.length > 0
      ? await tellChannels(invocation, repository, outlookIn(facts, found.backups, repository))
      : undefined;
  const bases = await makeDueBases(repository, invocation);
  return {
    verdict: { level, sentence },
    sources: sources.map((source) => inSeconds(source, headOf(source.name), facts)),
    missed,
    copies: standings.map(({ age }) => age),
    off: off ?? [],
    told: told ?? [],
    bases,
  };
}

function outlookIn(
  facts: SafetyFacts,
  backups: readonly BackupSummary[],
  repository: OpenedRepository | undefined,
) {
  return outlookOf(facts, { repository: repository?.store.location ?? '', backups });
}

async function readFacts(
  repository: OpenedRepository | undefined,
  { config, signal }: Invocation,
  seen: {
    readonly found: Pick<Awaited<ReturnType<typeof readSourceStates>>, 'states' | 'backups'>;
    readonly standings: readonly CopyStandings[];
    readonly off: readonly string[] | undefined;
  },
): Promise<SafetyFacts> {
  const { found } = seen;
  const facts = factsOf({
    status: found.states,
    backups: found.backups,
    config,
    runsDefaults: true,
    at: repository?.clock.now() ?? new Date(),
    isProven: repository?.isProving === true,
    runs: repository && (await readRunFacts(repository, signal)),
    changes: repository && (await changesOf(repository, config, signal)),
    copies:
      config.copies.length > 0 && repository ? seen.standings.map(({ standing }) => standing) : undefined,
    schedulesOff: seen.off?.map((name) => `the schedule ${name} does not fire`),
  });
  return repository ? provenFacts(facts, found.backups, { prover: repository, signal }) : facts;
}

/** A watchdog without the key of segments goes by when they were stored, and says what it does not know. */
function changesOf(repository: OpenedRepository, { sources }: Invocation['config'], signal: AbortSignal) {
  return readChangeStandings({ repository: repository.withoutKey(), changes: repository }, sources, signal);
}

/** How long a source has waited for its first good backup: since it has a schedule. */
async function waitedMs(source: string, { config, signal }: Invocation): Promise<number> {
  const group = process.env['HOLDFAST_SCHEDULE_GROUP'];
  if (!group) return NEVER_MS;
  const { scheduledSince } = await import('./schedules.ts');
  const names = backupSchedulesOf(source, config);
  const madeAt = await scheduledSince(group, names, signal);
  return madeAt ? Math.max(0, Date.now() - madeAt.getTime()) : NEVER_MS;
}

async function standingsOf(
  repository: OpenedRepository,
  { config, signal }: Invocation,
): Promise<readonly CopyStandings[]> {
  return config.copies.length > 0 ? measureCopies(repository, config, signal) : [];
}

/**
 * A missing schedule is reported at once, not when its first backup is missed. Undefined if nobody checked.
 */
async function tellOfSchedules({ config, signal }: Invocation): Promise<string[] | undefined> {
  const group = process.env['HOLDFAST_SCHEDULE_GROUP'];
  if (!group) return undefined;
  const { schedulesOff } = await import('./schedules.ts');
  const off = await schedulesOff(group, scheduleNames(config), signal);
  for (const { schedule, state } of off) {
    logger.error('a schedule does not fire', { schedule, state });
    await putEvent('Schedule Off', { schedule, state });
  }
  return off.map(({ schedule }) => schedule);
}

async function tellOfMissed({ name, newestGood, expected }: SourceFacts, facts: SafetyFacts): Promise<void> {
  const ageSeconds = seconds(since(newestGood?.startedAt, facts));
  logger.error('no good backup is recent enough', { source: name, ageSeconds });
  await putEvent('Backup Missed', { source: name, ageSeconds, allowedSeconds: seconds(expected.ms) });
}

interface Judged {
  readonly ageMs: number;
  readonly isMissed: boolean;
  readonly isProofLate: boolean;
  /** 0 protected, 1 unknown, 2 at risk, 3 unprotected. */
  readonly level: number;
  readonly head: SequenceHead | undefined;
}

function report(
  source: SourceFacts,
  { ageMs, isMissed, isProofLate, level, head }: Judged,
  facts: SafetyFacts,
): void {
  const { changes, name, verifiedAt, drilledAt, firstAt, waiting, failed, uncovered } = source;
  // Kept outside the bucket, where somebody who removes the newest backups cannot reach it.
  if (head) {
    const { number, sha256, key: backup } = head;
    logger.info('the newest by its number', { source: name, number, sha256, backup });
  }
  publishMetrics(name, {
    BackupAge: seconds(ageMs) ?? undefined,
    // What was never done is as old as what it should have covered.
    VerificationAge: seconds(since(verifiedAt ?? firstAt, facts)) ?? undefined,
    DrillAge: seconds(since(drilledAt ?? firstAt, facts)) ?? undefined,
    Suspects: waiting.length,
    VerificationFailed: failed.length,
    Uncovered: uncovered.length + (changes?.isUncovered ? 1 : 0),
    BackupMissed: isMissed ? 1 : 0,
    Risk: level,
    BackupNumber: head?.number,
    ProofLate: changes && (isProofLate ? 1 : 0),
  });
}

function inSeconds(source: SourceFacts, head: SequenceHead | undefined, facts: SafetyFacts) {
  const { name, newestGood, verifiedAt, drilledAt, waiting, failed, uncovered } = source;
  return {
    source: name,
    backupAge: seconds(since(newestGood?.startedAt, facts)),
    verificationAge: seconds(since(verifiedAt, facts)),
    drillAge: seconds(since(drilledAt, facts)),
    waiting: waiting.length,
    damaged: failed.length,
    uncovered: uncovered.length,
    number: head?.number ?? null,
    sha256: head?.sha256 ?? null,
  };
}

function since(then: Date | undefined, { at }: SafetyFacts): number | undefined {
  return then && Math.max(0, at.getTime() - then.getTime());
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms / SECOND_MS);
}
