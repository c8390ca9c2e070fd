import type { BackupKey } from '../../core/ids.ts';
import type { MomentPlan } from '../../jobs/changes/moment-plan.ts';
import type { RestoreMomentResult } from '../../jobs/changes/restore-moment.ts';
import { targetChanges } from '../../jobs/inside/target-changes.ts';
import {
  planRestore,
  type RestoreJobOptions,
  type RestoreResult,
  refuseUnequal,
  restoreAndCompare,
} from '../../jobs/restore/restore.ts';
import { type NewPlace, planRestoreToNew, restoreToNew } from '../../jobs/restore/restore-to-new.ts';
import { refuseNotOffered } from '../../jobs/restore/special-options.ts';
import { knownKind, openScratch, openTarget } from '../../jobs/source/adapters.ts';
import type { TargetChanges } from '../schema/inside.ts';
import type { RestoreBody } from '../schema/runs.ts';
import type { LocalBackendOptions } from './options.ts';
import { placeNamed } from './places.ts';

type Plan = RestoreResult['plan'];
/** What is kept of a restore. */
export type RestoreFigures = Pick<RestoreResult, 'records' | 'plainBytes' | 'restoreMs' | 'compareMs'> & {
  readonly compared: number;
  /** Of the restore of a moment. */
  readonly moment?: MomentFigures;
};

/** What was applied to a base. */
export type MomentFigures = Pick<RestoreMomentResult, 'segments' | 'transactions' | 'rows' | 'replayMs'> & {
  readonly notCarried: readonly string[];
};
type Target = Awaited<ReturnType<typeof openTarget>>;

/** Where a request wants a backup restored: an existing target, or a database that is made for it. */
export interface RestorePlace {
  /** The name that the caller knows, and types. */
  readonly name: string;
  readonly isNew: boolean;
  /** Without secrets. */
  readonly location: string;
  readonly specialOptions: NonNullable<Target['specialOptions']>;
  plan(options: RestoreJobOptions): Promise<Plan>;
  /** Rows that it would change; null for a place that is made for it. */
  changes(plan: Plan, signal: AbortSignal): Promise<TargetChanges | null>;
  /** Of a moment: what comes after its base. */
  readonly moment?: MomentPlan;
  /** @param onResult receives the comparison before a difference is refused */
  restore(options: RestoreJobOptions, onResult: (result: RestoreResult) => void): Promise<RestoreFigures>;
}

/** The figures of a restored backup. */
export function figuresOf(result: RestoreResult): RestoreFigures {
  const { records, plainBytes, restoreMs, compareMs, comparison } = result;
  return { records, plainBytes, restoreMs, compareMs, compared: comparison.length };
}

type Asked = Pick<RestoreBody, 'to' | 'newDatabase' | 'options'>;
type Options = Pick<LocalBackendOptions, 'repository' | 'targets' | 'drillServer' | 'env'>;

/** @throws E_BAD_REQUEST for a name that is not configured, E_CONFIG if there is no server to make one on */
export async function openRestorePlace(
  options: Options,
  key: BackupKey,
  { asked, signal }: { readonly asked: Asked; readonly signal: AbortSignal },
): Promise<RestorePlace> {
  const { repository, targets, env } = options;
  const { newDatabase } = asked;
  if (newDatabase === undefined) {
    const place = placeNamed(targets, asked.to, 'to');
    refuseNotOffered(place.kind, asked.options);
    return atTarget(options, key, { name: place.name, target: await openTarget(place, env) });
  }
  const { kind } = (await repository.readManifest(key, signal)).source;
  refuseNotOffered(kind, asked.options);
  const server = await openScratch(serverOf(options, asked, kind), env);
  return atNew(options, key, { server, name: newDatabase });
}

/** The server that makes a new database. */
export function serverOf({ targets, drillServer }: Options, { to }: Asked, kind: string) {
  return to === undefined ? drillServer(knownKind(kind)) : placeNamed(targets, to, 'to');
}

function atTarget(
  { repository }: Options,
  key: BackupKey,
  { name, target }: { readonly name: string; readonly target: Target },
): RestorePlace {
  return {
    name,
    isNew: false,
    location: target.name,
    specialOptions: target.specialOptions ?? [],
    plan: (choices) => planRestore(repository, key, target, choices),
    changes: (plan, signal) => targetChanges(repository, key, target, { plan, signal }),
    restore: async (choices, onResult) => {
      const result = await restoreAndCompare(repository, key, target, choices);
      onResult(result);
      refuseUnequal(result, target);
      return figuresOf(result);
    },
  };
}

function atNew({ repository }: Options, key: BackupKey, place: NewPlace): RestorePlace {
  return {
    name: place.name,
    isNew: true,
    location: `${place.name} on ${place.server.name}`,
    specialOptions: [],
    plan: (choices) => planRestoreToNew(repository, key, place, choices),
    changes: async () => null,
    restore: async (choices) => figuresOf(await restoreToNew(repository, key, place, choices)),
  };
}

/** What a request says about how to restore. */
export function restoreOptions(body: RestoreBody, signal: AbortSignal): RestoreJobOptions {
  const { datasets, path, toPath, replace, merge, resume, keepGoing, options = {} } = body;
  return { datasets, path, toPath, replace, merge, resume, keepGoing, special: options, signal };
}
