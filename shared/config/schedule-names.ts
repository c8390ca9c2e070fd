import { createHash } from 'node:crypto';
import { type DeployedFunction, OPTIONAL_FUNCTION_NAMES } from './aws.ts';
import type { ResolvedConfig } from './config.ts';

/** EventBridge Scheduler's limit on names. */
const MOST_CHARS = 64;
const HASH_CHARS = 8;

/** Name of the schedule that starts backups of a type and a source, within the group of the deployment. */
export function backupScheduleName(type: string, source: string): string {
  return shortened(`backup-${backupsOfSource(type, source)}`);
}

/** Name of the schedule that invokes a function. @param source for a job that runs once for each source */
export function jobScheduleName(job: DeployedFunction, source?: string): string {
  return shortened(source === undefined ? job : jobOfSource(job, source));
}

/**
 * What to call a job of one source. No name of a source has a dot: it stands where a dash would make this the name of
 * another function, as of `poll` and a source named `watchdog`.
 */
export function jobOfSource(job: DeployedFunction, source: string): string {
  const name = `${job}-${source}`;
  const isTaken = (OPTIONAL_FUNCTION_NAMES as readonly string[]).includes(name);
  return isTaken ? `${job}.${source}` : name;
}

/**
 * What to call backups of a type and a source: with a dot where dashes would not say where the type ends, or if they would
 * make this a drill of the source.
 */
export function backupsOfSource(type: string, source: string): string {
  const isAmbiguous = type.includes('-') || type === ('drill' satisfies DeployedFunction);
  return `${type}${isAmbiguous ? '.' : '-'}${source}`;
}

/** Names of the sources that have a server or database to be drilled on. */
export function drilledSources({ sources, drill }: Pick<ResolvedConfig, 'sources' | 'drill'>): string[] {
  return sources.filter(({ kind }) => drill[kind] !== undefined).map(({ name }) => name);
}

/** Names of the schedules that back a source up. */
export function backupSchedulesOf(source: string, { aws }: Pick<ResolvedConfig, 'aws'>): string[] {
  return Object.entries(aws.schedules).flatMap(([type, { sources }]) =>
    sources === undefined || sources.includes(source) ? [backupScheduleName(type, source)] : [],
  );
}

/** Names of all schedules in the configuration, except the watchdog's own. */
export function scheduleNames({ aws, sources, drill, lock, copies }: ResolvedConfig): string[] {
  const all = sources.map(({ name }) => name);
  const { verify, prune, drill: drills, lock: locks, copy } = aws.jobs;
  return [
    ...Object.entries(aws.schedules).flatMap(([type, when]) =>
      (when.sources ?? all).map((source) => backupScheduleName(type, source)),
    ),
    ...(verify ? [jobScheduleName('verify')] : []),
    ...(prune ? [jobScheduleName('prune')] : []),
    ...(lock && locks ? [jobScheduleName('lock')] : []),
    ...(copy && copies.length > 0 ? [jobScheduleName('copy')] : []),
    ...continuousNames(sources),
    ...(drills ? drilledSources({ sources, drill }).map((source) => jobScheduleName('drill', source)) : []),
  ];
}

/** Each source whose changes are stored is polled; one watchdog is for all of them. */
function continuousNames(sources: ResolvedConfig['sources']): string[] {
  const polled = sources.filter(({ continuous }) => continuous !== undefined);
  if (polled.length === 0) return [];
  return [...polled.map(({ name }) => jobScheduleName('poll', name)), jobScheduleName('poll-watchdog')];
}

function shortened(name: string): string {
  if (name.length <= MOST_CHARS) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_CHARS);
  return `${name.slice(0, MOST_CHARS - HASH_CHARS - 1)}-${hash}`;
}
