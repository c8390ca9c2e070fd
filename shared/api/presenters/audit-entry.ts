import { AUDIT_ACTIONS, AUDIT_OUTCOMES, type AuditAction, type AuditOutcome } from '../../core/api-names.ts';
import type { Naming } from '../../jobs/source/naming.ts';
import type { StoredReport } from '../../repository/documents/stored-report.ts';
import type { AuditEntry } from '../schema/status.ts';

type Report = NonNullable<StoredReport['report']>;

/** The source of a backup. */
export interface AuditSources {
  /** By its configured name; undefined for a backup that is gone. */
  sourceOf(backup: string): string | undefined;
  /** The configured names of the sources in a report. */
  readonly naming: Naming;
}

/** Undefined if it cannot be trusted. */
export async function entryOf(
  { report, storedAt, key }: StoredReport,
  sources: AuditSources,
): Promise<AuditEntry | undefined> {
  if (!report) return undefined;
  const { body, kind, backups } = report;
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : null);
  const action = kind === 'audit' ? text('action') : kind;
  if (!isAction(action)) return undefined;
  return {
    at: storedAt.toISOString(),
    action,
    by: text('by'),
    outcome: outcomeOf(report),
    run: text('run'),
    sources: await sourcesOf(report, sources),
    backups: [...backups],
    about: text('reason') ?? text('target') ?? text('error') ?? text('blockedBy') ?? aboutKey(report),
    report: key,
  };
}

/** For an API key `ci (1a2b3c4d)`. */
function aboutKey({ kind, body: { name, id } }: Report): string | null {
  if (kind !== 'apikey' && kind !== 'revoke') return null;
  return typeof name === 'string' ? `${name} (${id})` : String(id);
}

function outcomeOf({ kind, body }: Report): AuditOutcome | null {
  if (kind === 'verify') return body['findings'] === 0 ? 'whole' : 'damaged';
  if (kind === 'prune') {
    const { blockedBy, removed } = body;
    if (typeof blockedBy === 'string') return 'blocked';
    // Written before anything is unlisted.
    return Array.isArray(removed) && removed.length > 0 ? 'begun' : 'done';
  }
  return AUDIT_OUTCOMES.find((known) => known === body['outcome']) ?? null;
}

async function sourcesOf({ body, backups }: Report, { sourceOf, naming }: AuditSources): Promise<string[]> {
  const { source, removed } = body;
  const named = [
    ...(isNamed(source) ? [source.name] : []),
    ...(typeof source === 'string' ? [source] : []),
    ...(Array.isArray(removed) ? removed : []).flatMap((one) => (isSourced(one) ? [one.source.name] : [])),
  ];
  const nameOf = await naming(named);
  return [...new Set([...named.map(nameOf), ...backups.flatMap((key) => sourceOf(key) ?? [])])].sort();
}

function isNamed(one: unknown): one is { readonly name: string } {
  return typeof one === 'object' && one !== null && 'name' in one && typeof one.name === 'string';
}

function isSourced(one: unknown): one is { readonly source: { readonly name: string } } {
  return typeof one === 'object' && one !== null && 'source' in one && isNamed(one.source);
}

function isAction(action: string | null): action is AuditAction {
  return AUDIT_ACTIONS.some((known) => known === action);
}
