import type { ApiKey } from '../../api/schema/api-keys.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { DAY_MS } from '../../core/units.ts';
import { uniqueOf } from '../../format/report.ts';
import { type Body, parseBody } from '../../format/report-bodies.ts';
import { madeAt } from '../../repository/documents/reports.ts';
import type { StoredReport } from '../../repository/documents/stored-report.ts';
import type { Repository } from '../../repository/repository.ts';

/** Older uses are not searched. */
const LOOK_BACK_MS = 90 * DAY_MS;

/** An API key as the repository has it. */
export interface StoredApiKey extends Omit<ApiKey, 'state'> {
  /** SHA-256 of the key as its owner has it. */
  readonly hash: string;
}

/** API keys that are kept in a repository. */
export interface StoredApiKeys {
  /** Newest first. */
  readonly keys: readonly StoredApiKey[];
  /** Problems of keys that cannot be trusted, and do not work. */
  readonly problems: readonly string[];
}

/** The properties of a new key, besides who asks for it. */
export type NewApiKey = Pick<StoredApiKey, 'id' | 'hash' | 'name' | 'roles' | 'sources' | 'expiresAt'>;

/**
 * Every proven API key of the repository, also signed if signatures are required: nobody without the
 * repository's key can make one. A revocation counts by its name alone, so that damaging it does not bring
 * the key back.
 *
 * @throws E_NO_KEY, E_STORE_*
 */
export async function readApiKeys(repository: Repository, signal: AbortSignal): Promise<StoredApiKeys> {
  repository.context.keys.provider();
  const { reports } = repository;
  const revoked = new Map<string, StoredReport>();
  for await (const report of reports.read('revoke', signal)) {
    const id = uniqueOf(report.key);
    if (!revoked.has(id)) revoked.set(id, report);
  }
  const keys = new Map<string, StoredApiKey>();
  const bad: { readonly key: string; readonly problem: string }[] = [];
  for await (const stored of reports.read('apikey', signal)) {
    const read = bodyOf(stored);
    if (read instanceof HoldfastError) bad.push({ key: stored.key, problem: read.message });
    else if (!keys.has(read.id)) keys.set(read.id, keyOf(stored, read, revoked.get(read.id)));
  }
  const used = await lastUses(repository, new Set(keys.keys()), signal);
  return {
    keys: [...keys.values()]
      .map((key) => ({ ...key, lastUsedOn: used.get(key.id) ?? null }))
      .toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1)),
    problems: await notPutAside(repository, bad, signal),
  };
}

async function notPutAside(
  { reports }: Repository,
  bad: readonly { readonly key: string; readonly problem: string }[],
  signal: AbortSignal,
): Promise<string[]> {
  if (bad.length === 0) return [];
  const quarantine = await reports.quarantine(signal);
  const problems: string[] = [];
  for (const { key, problem } of bad)
    if ((await quarantine.reasonOf(key, signal)) === undefined) problems.push(problem);
  return problems;
}

/** @throws E_NO_KEY, E_STORE_*; E_INTERNAL if it cannot be read back */
export async function createApiKey(
  repository: Repository,
  { id, hash, name, roles, sources, expiresAt }: NewApiKey,
  { by, signal }: { readonly by?: string | undefined; readonly signal: AbortSignal },
): Promise<StoredApiKey> {
  const { keys } = await readApiKeys(repository, signal);
  if (keys.some((key) => key.id === id))
    throw new HoldfastError('E_OBJECT_EXISTS', `there is already an API key ${id}`, { hint: 'Try again.' });
  const body = {
    id,
    name,
    roles: [...roles],
    ...(sources === null ? {} : { sources: [...sources] }),
    hash,
    ...(expiresAt === null ? {} : { expiresAt }),
    ...(by === undefined ? {} : { by }),
  };
  await repository.reports.write('apikey', { backups: [], body, unique: id }, signal);
  const made = (await readApiKeys(repository, signal)).keys.find((key) => key.id === id);
  if (made) return made;
  throw new HoldfastError('E_INTERNAL', `the API key ${id} was written, but cannot be read back`);
}

/** Makes a key invalid; a revoked one does not change. @throws E_NO_API_KEY, E_STORE_* */
export async function revokeApiKey(
  repository: Repository,
  id: string,
  { by, signal }: { readonly by?: string | undefined; readonly signal: AbortSignal },
): Promise<StoredApiKey> {
  const found = await findApiKey(repository, id, signal);
  if (found.revokedAt !== null) return found;
  const body = { id, ...(by === undefined ? {} : { by }) };
  await writeOnce(repository, 'revoke', body, signal);
  return findApiKey(repository, id, signal);
}

/** Records that a key was used today. */
export async function noteApiKeyUse(repository: Repository, id: string, signal: AbortSignal): Promise<void> {
  await writeOnce(repository, 'keyuse', { id }, signal);
}

/** Somebody else may have written the same within this second. */
async function writeOnce(
  { reports }: Repository,
  kind: 'revoke' | 'keyuse',
  body: { readonly id: string; readonly by?: string },
  signal: AbortSignal,
): Promise<void> {
  try {
    await reports.write(kind, { backups: [], body, unique: body.id }, signal);
  } catch (error) {
    if (!isHoldfastError(error, 'E_OBJECT_EXISTS')) throw error;
  }
}

async function findApiKey(repository: Repository, id: string, signal: AbortSignal): Promise<StoredApiKey> {
  const { keys } = await readApiKeys(repository, signal);
  const found = keys.find((key) => key.id === id);
  if (found) return found;
  throw new HoldfastError('E_NO_API_KEY', `there is no API key ${id}`, {
    hint: 'List them: holdfast api-keys, or GET /api-keys.',
  });
}

function bodyOf(stored: StoredReport): Body<'apikey'> | HoldfastError {
  const { report, isProven, key } = stored;
  if (!report || !isProven)
    return stored.problem ?? new HoldfastError('E_DAMAGED', `${key} is not proven to be Holdfast's`);
  try {
    const body = parseBody('apikey', report);
    if (body.id === uniqueOf(key)) return body;
    return new HoldfastError('E_DAMAGED', `${key} holds the API key ${body.id}`);
  } catch (error) {
    if (error instanceof HoldfastError) return error;
    throw error;
  }
}

function keyOf(
  stored: StoredReport,
  { id, hash, name, roles, sources, expiresAt, by }: Body<'apikey'>,
  revoked: StoredReport | undefined,
): StoredApiKey {
  const revokedBy = revoked?.isProven ? revoked.report?.body['by'] : undefined;
  return {
    id,
    hash,
    name,
    roles: [...roles],
    sources: sources ? [...sources] : null,
    createdAt: madeAt(stored).toISOString(),
    createdBy: by ?? null,
    expiresAt: expiresAt ?? null,
    revokedAt: revoked ? madeAt(revoked).toISOString() : null,
    revokedBy: typeof revokedBy === 'string' ? revokedBy : null,
    lastUsedOn: null,
  };
}

/** The last day that each was used on, by the newest proven report of each. */
async function lastUses(
  { store, reports, clock }: Repository,
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const since = new Date(clock.now().getTime() - LOOK_BACK_MS).toISOString().slice(0, 10).replaceAll('-', '');
  const found = await Array.fromAsync(
    store.list('reports/keyuse/', { after: `reports/keyuse/${since}`, signal }),
  );
  const used = new Map<string, string>();
  for (const { key, modifiedAt } of found.toReversed()) {
    const id = uniqueOf(key);
    if (!ids.has(id) || used.has(id)) continue;
    const stored = await reports.open(key, modifiedAt, signal);
    if (stored.isProven && stored.report?.body['id'] === id)
      used.set(id, madeAt(stored).toISOString().slice(0, 10));
  }
  return used;
}
