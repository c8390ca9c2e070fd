import { systemClock } from '../../../core/clock.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { parallel } from '../../../core/parallel.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { FirebaseConnection } from '../connection/connection.ts';
import { type FirebaseOptions, firebaseName } from '../connection/options.ts';
import { EtagProbe } from '../etags/etags.ts';
import { inheritedTrust } from '../etags/kept-trust.ts';
import { CanonicalJson, recordLine } from '../text/json.ts';
import {
  ETAGS_DATASET,
  MOST_DATASETS,
  OWN_DATASET,
  ROOT_DATASET,
  roleOf,
  storedDataset,
} from './datasets.ts';
import { readPriority } from './node-reads.ts';
import { type RulesRead, readRules } from './rules.ts';
import { FirebaseView, type PlannedDataset } from './source-view.ts';

/** Datasets that are asked at once whether they changed. */
const PROBES_AT_ONCE = 8;
const ELSEWHERE = 'Users of Authentication, files of Storage, functions: they are services of their own.';

const RULES_OF_THE_WHOLE: RulesRead = {
  omitted: 'Security rules: they belong to the whole database.',
  isDenied: true,
};

/** A backup that is to be planned. */
export interface OpenRequest {
  readonly connection: FirebaseConnection;
  readonly options: FirebaseOptions;
  readonly parent: BackupContents | undefined;
  /** A database without data is a view without datasets of data. */
  readonly allowEmpty: boolean;
  readonly onWarning: (message: string) => void;
}

/** Looks what there is, and which of it the parent has already. @throws E_EMPTY_READ, E_SOURCE_* */
export async function openView(request: OpenRequest, signal: AbortSignal): Promise<FirebaseView> {
  const { connection, options, parent, onWarning } = request;
  const from = systemClock.now();
  const probe = new EtagProbe(connection, inheritedTrust(parent));
  const rootEtag = await probe.probe(options.base, signal);
  const etags = storedDataset(parent, ETAGS_DATASET);
  const isUnchanged = probe.isTrusted && rootEtag !== undefined && etags?.attributes['root'] === rootEtag;
  const planned = isUnchanged ? planAsParent(parent) : await planAnew(request, { probe, signal });
  const rules = options.base.length > 0 ? RULES_OF_THE_WHOLE : await readRules(connection, signal);
  if ('omitted' in rules && !rules.isDenied) onWarning(rules.omitted);
  return new FirebaseView({
    connection,
    options,
    probe,
    parent,
    planned,
    rules: 'text' in rules ? rules.text : undefined,
    omitted: [...('omitted' in rules ? [rules.omitted] : []), ELSEWHERE],
    rootEtag,
    from,
    onWarning,
  });
}

function planAsParent(parent: BackupContents | undefined): readonly PlannedDataset[] {
  return (parent?.datasets ?? [])
    .filter(({ kind }) => kind === 'data')
    .map((stored) => ({ name: stored.name, role: roleOf(stored), stored, isSame: true, own: undefined }));
}

async function planAnew(
  { connection, options, parent, allowEmpty }: OpenRequest,
  { probe, signal }: { readonly probe: EtagProbe; readonly signal: AbortSignal },
): Promise<readonly PlannedDataset[]> {
  const { base } = options;
  const keys = await topKeys(connection, { options, allowEmpty, signal });
  const isOne = keys === 'scalar' || keys.length > MOST_DATASETS;
  const own = isOne ? undefined : await readPriority(connection, base, signal);
  const names = isOne ? [ROOT_DATASET] : keys;
  if (own !== undefined) probe.trust.sawText(recordLine('.priority', own));
  const planned = names.map((name) => {
    const role = isOne ? 'root' : 'node';
    const stored = storedDataset(parent, name);
    return { name, role, stored: stored && roleOf(stored) === role ? stored : undefined, isSame: false };
  });
  const same = await findSame(planned, { probe, base: isOne ? undefined : base, signal });
  return [
    ...planned.map((dataset) => ({ ...dataset, isSame: same.has(dataset.name), own: undefined })),
    ...(own === undefined ? [] : [{ name: OWN_DATASET, role: 'own', stored: undefined, isSame: false, own }]),
  ];
}

/** Names of the datasets whose ETag is still the one that the parent was read with. */
async function findSame(
  planned: readonly { readonly name: string; readonly stored: StoredDataset | undefined }[],
  {
    probe,
    base,
    signal,
  }: {
    readonly probe: EtagProbe;
    readonly base: readonly string[] | undefined;
    readonly signal: AbortSignal;
  },
): Promise<ReadonlySet<string>> {
  const same = new Set<string>();
  if (base === undefined || !probe.isTrusted) return same;
  await parallel(planned, { most: PROBES_AT_ONCE, signal }, async ({ name, stored }, stopping) => {
    const before = stored?.attributes['etag'];
    if (before !== undefined && (await probe.probe([...base, name], stopping)) === before) same.add(name);
  });
  return same;
}

async function topKeys(
  connection: FirebaseConnection,
  {
    options,
    allowEmpty,
    signal,
  }: { readonly options: FirebaseOptions; readonly allowEmpty: boolean; readonly signal: AbortSignal },
): Promise<readonly string[] | 'scalar'> {
  const json = await connection
    .ask(
      { method: 'GET', path: options.base, query: { shallow: 'true' } },
      ({ body, outcome }) => (outcome === 'too-large' ? undefined : new CanonicalJson(body).whole()),
      signal,
    )
    .catch((error: unknown) => {
      throw explainDenial(error);
    });
  if (json === 'null' && allowEmpty) return [];
  if (json === 'null')
    throw new HoldfastError('E_EMPTY_READ', `${firebaseName(options)} holds nothing`, {
      hint: 'Check the database URL and its path: an empty answer is taken for a backup only with --allow-empty.',
    });
  if (json === undefined) return Array.from({ length: MOST_DATASETS + 1 }, String);
  const members = new CanonicalJson(json).members();
  return members?.map(({ key }) => key).filter((key) => !key.startsWith('.')) ?? 'scalar';
}

/** Rules may let a user's token read some nodes: never all that is in the database. */
function explainDenial(error: unknown): unknown {
  if (!isHoldfastError(error, 'E_SOURCE_DENIED')) return error;
  return new HoldfastError('E_SOURCE_DENIED', error.message, {
    cause: error,
    details: error.details,
    hint: 'Log in with a service account of the project: a user’s token sees what the rules let it see.',
  });
}
