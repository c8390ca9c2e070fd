import { momentJson } from '../../shared/api/presenters/moment-plan.ts';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { changesOf } from '../../shared/jobs/changes/changes-of.ts';
import type { ChosenMoment } from '../../shared/jobs/changes/choose-moment.ts';
import { chooseUntil } from '../../shared/jobs/changes/choose-until.ts';
import { momentDoubts } from '../../shared/jobs/changes/moment-doubts.ts';
import { planOfMoment, stepOfMoment } from '../../shared/jobs/changes/moment-plan.ts';
import { openMomentTarget } from '../../shared/jobs/changes/open-moment-target.ts';
import { parseMoment } from '../../shared/jobs/changes/parse-moment.ts';
import { replayRateOf } from '../../shared/jobs/changes/replay-rate.ts';
import { type RestoreMomentResult, restoreMoment } from '../../shared/jobs/changes/restore-moment.ts';
import { restoreMomentToNew } from '../../shared/jobs/changes/restore-moment-to-new.ts';
import { momentChanges } from '../../shared/jobs/inside/target-changes.ts';
import { planRestore, type RestoreJobOptions } from '../../shared/jobs/restore/restore.ts';
import { planRestoreToNew } from '../../shared/jobs/restore/restore-to-new.ts';
import { openScratch } from '../../shared/jobs/source/adapters.ts';
import { findNamed, type OpenPlace } from '../runtime/places.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';
import type { RestoreWork } from './work.ts';

/** The moment of an event. */
export interface MomentAsked {
  readonly source: string;
  /** `latest`, or as `parseMoment` takes it. */
  readonly at?: string | undefined;
  readonly beforeTransaction?: string | undefined;
  /** Name of a database to make. */
  readonly newDatabase?: string | undefined;
  readonly datasets?: readonly string[] | undefined;
}

/** Restores to one place. */
interface MomentPlace extends Pick<RestoreWork, 'plan' | 'changes'> {
  restore(options: RestoreJobOptions): Promise<RestoreMomentResult>;
}

/**
 * What restores a moment: its base, then the changes up to it.
 *
 * @throws E_USAGE for another kind of target, or a source that is not configured; as `chooseUntil`
 */
export async function momentWork(
  repository: OpenedRepository,
  { source: name, at, beforeTransaction, newDatabase, datasets }: MomentAsked,
  {
    place,
    config,
    signal,
  }: { readonly place: OpenPlace; readonly config: ResolvedConfig; readonly signal: AbortSignal },
): Promise<RestoreWork> {
  const source = findNamed(name, config.sources, 'source');
  refuseOtherKind(place.config.kind, source);
  const until = { at: at === undefined || at === 'latest' ? undefined : parseMoment(at), beforeTransaction };
  const onWarning = (message: string) => logger.warn(message);
  const chosen = await chooseUntil(repository, until, {
    source,
    plugin: changesOf(source),
    onWarning,
    signal,
  });
  const to = newDatabase === undefined ? atTarget : atNew(newDatabase);
  const { plan, changes, restore } = await to(repository, chosen, place);
  const rate = await replayRateOf(repository, source, changesOf(source), signal);
  const moment = planOfMoment(chosen, rate);
  const doubts = await momentDoubts(repository, chosen, { datasets, signal });
  return {
    key: moment.base,
    doubts,
    about: { moment: momentJson(moment) },
    moreBytes: moment.plainBytes,
    changes,
    plan: async (choices) => {
      const base = await plan(ofBase(choices));
      return {
        ...base,
        steps: [...base.steps, stepOfMoment(moment)],
        warnings: [...doubts, ...base.warnings],
      };
    },
    restore: async (choices) => {
      const result = await restore(ofBase(choices));
      for (const warning of result.warnings) logger.warn(warning);
      return { restored: result.restored, more: figuresOf(result) };
    },
  };
}

/** A replay that broke off goes on by itself: `resume` of a backup is something else. */
function ofBase(choices: RestoreJobOptions): RestoreJobOptions {
  return { ...choices, resume: false };
}

async function atTarget(
  repository: OpenedRepository,
  chosen: ChosenMoment,
  { config, env }: OpenPlace,
): Promise<MomentPlace> {
  const to = await openMomentTarget(config, env);
  const { target } = to;
  const plugin = changesOf(config);
  return {
    plan: (choices) => planRestore(repository, chosen.base.key as BackupKey, target, choices),
    changes: (plan, signal) => momentChanges(repository, chosen, { target, plugin }, { plan, signal }),
    restore: (choices) => restoreMoment(repository, chosen, to, choices),
  };
}

function atNew(name: string) {
  return async (
    repository: OpenedRepository,
    chosen: ChosenMoment,
    { config, env }: OpenPlace,
  ): Promise<MomentPlace> => {
    const place = { server: await openScratch(config, env), name };
    const { compare } = changesOf(config);
    return {
      plan: (choices) => planRestoreToNew(repository, chosen.base.key as BackupKey, place, choices),
      changes: async () => null,
      restore: (choices) => restoreMomentToNew(repository, chosen, { place, compare }, choices),
    };
  };
}

/** Changes are applied by a database alone. */
function refuseOtherKind(kind: string, source: { readonly kind: string; readonly name: string }): void {
  if (kind === source.kind) return;
  throw new HoldfastError(
    'E_USAGE',
    `changes of ${source.name}, a ${source.kind} source, cannot be applied to a ${kind} target`,
    { hint: 'Name a target of the same kind.' },
  );
}

function figuresOf({ segments, transactions, rows, replayMs, warnings }: RestoreMomentResult) {
  return { applied: { segments, transactions, rows, replayMs, notCarried: warnings } };
}
