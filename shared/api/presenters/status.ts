import { backupName } from '../../core/backup-words.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { BackupSummary } from '../../jobs/status/list.ts';
import type { RepositoryOverview, SourceStatus } from '../../jobs/status/status.ts';
import type { SafetyFacts, SourceFacts } from '../../jobs/verdict/facts.ts';
import { levelOf } from '../../jobs/verdict/rules.ts';
import { type Verdict, verdictOf } from '../../jobs/verdict/verdict.ts';
import type { StatusAnswer } from '../schema/status.ts';
import { recoveryPointOf } from './changes.ts';
import { dated } from './json.ts';

/** One page of it, as the route answers. */
export type RepositoryPart = Pick<
  StatusAnswer,
  'now' | 'verdict' | 'repository' | 'backups' | 'damaged' | 'sources' | 'problems'
>;

/** @param backups newest first */
export function presentStatus(
  status: RepositoryOverview,
  backups: readonly BackupSummary[],
  facts: SafetyFacts,
): RepositoryPart {
  const { location, repositoryId, formatVersion, damaged, problems } = status;
  const verdict = verdictOf(facts);
  return {
    now: facts.at.toISOString(),
    verdict: verdictJson(verdict),
    repository: { location, id: repositoryId, formatVersion },
    backups: backups.length,
    damaged,
    sources: facts.sources.map((source) => ({
      ...judged(source, verdict),
      continuous: source.changes ? recoveryPointOf(source.changes, facts.at) : null,
      ...known(
        status.sources.find((one) => one.source.name === source.name),
        backups,
      ),
    })),
    problems: [...problems],
  };
}

function verdictJson({
  at,
  lookedAt,
  notLookedAt,
  findings,
  steps,
  ...verdict
}: Verdict): StatusAnswer['verdict'] {
  return {
    ...verdict,
    at: at.toISOString(),
    lookedAt: [...lookedAt],
    notLookedAt: [...notLookedAt],
    findings: findings.map(({ source, ...finding }) => ({ ...finding, source: source ?? null })),
    steps: steps.map(({ text, action, command }) => ({
      text,
      command,
      action: action?.kind === 'accept' ? { ...action, backups: [...action.backups] } : (action ?? null),
    })),
  };
}

type SourcePart = StatusAnswer['sources'][number];

function judged(
  { name, kind, isConfigured, expected, lastRun }: SourceFacts,
  { findings }: Verdict,
): Pick<SourcePart, 'source' | 'isConfigured' | 'level' | 'expected' | 'lastRun'> {
  return {
    source: { kind, name },
    isConfigured,
    level: levelOf(findings.filter(({ source }) => source === name)),
    expected: { seconds: Math.round(expected.ms / SECOND_MS), basis: expected.basis },
    lastRun: lastRun
      ? { outcome: lastRun.outcome, at: lastRun.at.toISOString(), code: lastRun.code ?? null }
      : null,
  };
}

const NOTHING = {
  backups: 0,
  newest: null,
  newestGood: null,
  lastVerify: null,
  lastFullVerify: null,
  lastDrill: null,
} as const;

function known(
  status: SourceStatus | undefined,
  backups: readonly BackupSummary[],
): Omit<SourcePart, keyof ReturnType<typeof judged> | 'continuous'> {
  if (!status) return { ...NOTHING, waiting: [], failed: [], misdated: [], held: [] };
  const { source, newestGood, lastVerify, lastFullVerify, lastDrill } = status;
  const newest = backups.find(
    (one) => one.state !== 'damaged' && one.source.name === source.name && one.source.kind === source.kind,
  );
  const good = newestGood && backups.find(({ key }) => key === newestGood.key);
  return {
    backups: status.backups,
    newest: newest ? named(newest) : null,
    newestGood: good ? named(good) : null,
    waiting: [...status.waiting],
    failed: [...status.failed],
    misdated: [...status.misdated],
    held: [...status.held],
    lastVerify: lastVerify ? dated(lastVerify) : null,
    lastFullVerify: lastFullVerify ? dated(lastFullVerify) : null,
    lastDrill: lastDrill ? dated(lastDrill) : null,
  };
}

function named({ key, type, startedAt }: BackupSummary) {
  return { key, name: backupName(key), type, startedAt: startedAt.toISOString() };
}
