import { HoldfastError } from '../../core/errors.ts';
import { DECISIONS } from '../../format/report.ts';
import type { Body } from '../../format/report-bodies.ts';
import type { Repository } from '../../repository/repository.ts';
import { parseReason } from '../retention/hold.ts';

/** Most objects in one report. */
const MOST_OBJECTS = 1_000;

/** What was taken over under the new signing key. */
export interface AdoptResult {
  readonly backups: number;
  readonly decisions: number;
  /** Paths of the reports; none if there was nothing to sign for. */
  readonly reports: readonly string[];
}

type Adopted = Body<'adopt'>['objects'][number];

/**
 * Signs for all existing backups and decisions that have the MAC of the repository's key but no signature:
 * those from before signatures were required. Changes none of them.
 *
 * @param repository one that does not require signatures
 * @throws E_NO_KEY without a root key or a signing key, E_USAGE without a reason, E_STORE_*
 */
export async function adoptUnsigned(
  repository: Repository,
  { reason: given, signal }: { readonly reason: string; readonly signal: AbortSignal },
): Promise<AdoptResult> {
  const reason = parseReason(given);
  repository.context.keys.provider();
  if (!repository.context.signatures.sign(signal))
    throw new HoldfastError('E_NO_KEY', 'no signing key is configured', {
      hint: 'Set signing.keyFile or signing.kmsKey.',
    });
  const backups = await unsignedBackups(repository, signal);
  const decisions = await unsignedDecisions(repository, signal);
  const objects = [...backups, ...decisions];
  const reports: string[] = [];
  for (let at = 0; at < objects.length; at += MOST_OBJECTS) {
    const body = { reason, objects: objects.slice(at, at + MOST_OBJECTS) };
    reports.push(await repository.reports.write('adopt', { backups: [], body }, signal));
  }
  return { backups: backups.length, decisions: decisions.length, reports };
}

async function unsignedBackups(repository: Repository, signal: AbortSignal): Promise<Adopted[]> {
  const found: Adopted[] = [];
  for (const listed of await repository.backupKeys(signal)) {
    const entry = await repository.inspectIfListed(listed, signal);
    if (entry && !entry.problem) found.push(...unsigned(entry));
  }
  return found;
}

async function unsignedDecisions({ reports }: Repository, signal: AbortSignal): Promise<Adopted[]> {
  const found: Adopted[] = [];
  for await (const stored of reports.readAll(DECISIONS, signal))
    if (!stored.problem && stored.report?.kind !== 'adopt') found.push(...unsigned(stored));
  return found;
}

function unsigned({
  key,
  sha256,
  isSigned,
}: {
  readonly key: string;
  readonly sha256?: string | undefined;
  readonly isSigned?: boolean;
}): Adopted[] {
  return isSigned || sha256 === undefined ? [] : [{ key, sha256 }];
}
