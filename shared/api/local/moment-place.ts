import type { BackupKey } from '../../core/ids.ts';
import { changesOf } from '../../jobs/changes/changes-of.ts';
import type { ChosenMoment } from '../../jobs/changes/choose-moment.ts';
import { chooseUntil } from '../../jobs/changes/choose-until.ts';
import { momentDoubts } from '../../jobs/changes/moment-doubts.ts';
import { type MomentPlan, planOfMoment, stepOfMoment } from '../../jobs/changes/moment-plan.ts';
import { openMomentTarget } from '../../jobs/changes/open-moment-target.ts';
import { parseMoment } from '../../jobs/changes/parse-moment.ts';
import { replayRateOf } from '../../jobs/changes/replay-rate.ts';
import { type RestoreMomentResult, restoreMoment } from '../../jobs/changes/restore-moment.ts';
import { restoreMomentToNew } from '../../jobs/changes/restore-moment-to-new.ts';
import { momentChanges } from '../../jobs/inside/target-changes.ts';
import { planRestore, type RestoreJobOptions } from '../../jobs/restore/restore.ts';
import { type NewPlace, planRestoreToNew } from '../../jobs/restore/restore-to-new.ts';
import { openScratch } from '../../jobs/source/adapters.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import type { RestoreBody } from '../schema/runs.ts';
import { ApiError } from '../server/api-error.ts';
import type { LocalBackendOptions } from './options.ts';
import { type NamedPlace, placeNamed } from './places.ts';
import { figuresOf, type RestoreFigures, type RestorePlace, serverOf } from './restore-place.ts';

type Options = Pick<LocalBackendOptions, 'repository' | 'sources' | 'targets' | 'drillServer' | 'env'>;
type Choices = RestoreJobOptions;

/**
 * Where a request wants a moment restored, and the base that it begins with.
 *
 * @throws E_NO_MOMENT, E_BAD_REQUEST, E_UNKNOWN_NAME, E_CONFIG, E_SOURCE_UNSUPPORTED
 */
export async function openMomentPlace(
  options: Options,
  asked: RestoreBody,
  signal: AbortSignal,
): Promise<{ readonly key: BackupKey; readonly place: RestorePlace }> {
  const { repository, sources, targets, env } = options;
  const source = placeNamed(sources, asked.source, 'source');
  const plugin = pluginFor(source);
  const chosen = await chooseUntil(repository, untilOf(asked), { source, plugin, signal });
  const key = chosen.base.key as BackupKey;
  const { newDatabase, datasets } = asked;
  const doubts = await momentDoubts(repository, chosen, { datasets, signal });
  const rate = await replayRateOf(repository, chosen.base.source, plugin, signal);
  const known = { chosen, doubts, moment: planOfMoment(chosen, rate) };
  if (newDatabase !== undefined) {
    const server = await openScratch(serverOf(options, asked, source.kind), env);
    return { key, place: atNew(repository, known, { server, name: newDatabase }, plugin.compare) };
  }
  const place = placeNamed(targets, asked.to, 'to');
  refuseOtherKind(place, source);
  return { key, place: await atTarget(options, known, place) };
}

/** @throws E_BAD_REQUEST for a kind without changes */
function pluginFor(source: NamedPlace): ChangePlugin {
  try {
    return changesOf(source);
  } catch (cause) {
    throw badField('source', cause);
  }
}

/** @throws E_BAD_REQUEST */
function untilOf({ at, beforeTransaction }: RestoreBody): ChosenMoment['until'] {
  if (at === undefined || at === 'latest') return { beforeTransaction };
  try {
    return { at: parseMoment(at) };
  } catch (cause) {
    throw badField('at', cause);
  }
}

function badField(field: 'at' | 'source', cause: unknown): ApiError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new ApiError('E_BAD_REQUEST', `${field}: ${problem}`, { cause, fields: [{ field, problem }] });
}

/** Changes are applied by a database alone. */
function refuseOtherKind({ kind, name }: NamedPlace, source: NamedPlace): void {
  if (kind === source.kind) return;
  const problem = `is ${name}, of kind ${kind}: changes of ${source.name} need a database of kind ${source.kind}`;
  throw new ApiError('E_BAD_REQUEST', `to: ${problem}`, { fields: [{ field: 'to', problem }] });
}

/** A moment, and what speaks against it. */
interface Known {
  readonly chosen: ChosenMoment;
  readonly doubts: readonly string[];
  readonly moment: MomentPlan;
}

async function atTarget(
  { repository, env }: Options,
  known: Known,
  config: NamedPlace,
): Promise<RestorePlace> {
  const { chosen } = known;
  const to = await openMomentTarget(config, env);
  const { target } = to;
  const key = chosen.base.key as BackupKey;
  return {
    ...commonOf(known, (choices) => planRestore(repository, key, target, choices)),
    changes: (plan, signal) =>
      momentChanges(repository, chosen, { target, plugin: changesOf(config) }, { plan, signal }),
    name: config.name,
    isNew: false,
    location: target.name,
    specialOptions: target.specialOptions ?? [],
    restore: async (choices, onResult) => {
      const result = await restoreMoment(repository, chosen, to, applying(choices));
      if (result.restored) onResult(result.restored);
      return figures(result);
    },
  };
}

function atNew(
  repository: Options['repository'],
  known: Known,
  place: NewPlace,
  compare: ChangePlugin['compare'],
): RestorePlace {
  const { chosen } = known;
  const key = chosen.base.key as BackupKey;
  return {
    ...commonOf(known, (choices) => planRestoreToNew(repository, key, place, choices)),
    name: place.name,
    isNew: true,
    location: `${place.name} on ${place.server.name}`,
    specialOptions: [],
    restore: async (choices) =>
      figures(await restoreMomentToNew(repository, chosen, { place, compare }, applying(choices))),
  };
}

function commonOf(
  { doubts, moment }: Known,
  plan: RestorePlace['plan'],
): Pick<RestorePlace, 'moment' | 'plan' | 'changes'> {
  return {
    moment,
    changes: async () => null,
    plan: async (choices) => {
      const base = await plan(ofBase(choices));
      return {
        ...base,
        steps: [...base.steps, stepOfMoment(moment)],
        warnings: [...doubts, ...base.warnings],
      };
    },
  };
}

/** A replay that broke off goes on by itself: `resume` of the base is something else. */
function ofBase(choices: Choices): Choices {
  return { ...choices, resume: false };
}

/** The progress of a base, and then of its changes. */
function applying(choices: Choices): Parameters<typeof restoreMoment>[3] {
  const { onProgress = () => {} } = choices;
  return { ...ofBase(choices), onApplying: () => onProgress({ kind: 'phase', phase: 'apply' }) };
}

function figures({ restored, warnings, ...result }: RestoreMomentResult): RestoreFigures {
  const { segments, transactions, rows, replayMs } = result;
  const nothing = { records: 0, plainBytes: 0, restoreMs: 0, compareMs: 0, compared: 0 };
  return {
    ...(restored ? figuresOf(restored) : nothing),
    moment: { segments, transactions, rows, replayMs, notCarried: warnings },
  };
}
