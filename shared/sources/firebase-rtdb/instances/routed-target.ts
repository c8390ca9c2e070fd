import { HoldfastError } from '../../../core/errors.ts';
import type { OnProgress } from '../../../core/progress.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { Source, SourceView } from '../../source.ts';
import type { RestoreOptions, RestorePlan, Target } from '../../target.ts';
import { RULES_DATASET, storedDataset } from '../reading/datasets.ts';
import {
  FIREBASE_RESTORE_OPTIONS,
  type FirebaseRestoreOptions,
  firebaseOptions,
} from '../restore/options.ts';
import { nameIn, splitName } from './instance-contents.ts';
import type { Route, Routing } from './instance-routes.ts';
import { namingInstance } from './instances.ts';
import { InstancesView, type InstanceView } from './instances-view.ts';

/** A route whose instance has a name, with its part of the plan. */
interface PlannedRoute {
  readonly instance: string;
  readonly route: Route;
  readonly plan: RestorePlan;
}

type RestoreRun = Parameters<Target['restore']>[2];

/** Where each database of a backup goes: one after the other, once it is known that all of them can. */
export class RoutedTarget implements Target {
  readonly kind = 'firebase-rtdb';
  readonly name: string;
  readonly comparesItself = false;
  readonly specialOptions = Object.keys(FIREBASE_RESTORE_OPTIONS);
  readonly #source: Source;
  readonly #routing: Routing;

  /** @param source the same place */
  constructor(name: string, source: Source, routing: Routing) {
    this.name = name;
    this.#source = source;
    this.#routing = routing;
  }

  asSource(): Source {
    return this.#source;
  }

  async plan(contents: BackupContents, options: RestoreOptions, signal: AbortSignal): Promise<RestorePlan> {
    const [first, ...others] = this.#routing(contents, firebaseOptions(options));
    if (first && first.instance === undefined)
      return first.target.plan(first.contents, first.options, signal);
    const planned = await planRoutes(first ? [first, ...others] : [], signal);
    const flat = (of: (plan: RestorePlan) => readonly string[], between = ': ') =>
      planned.flatMap(({ instance, plan }) => of(plan).map((text) => `${instance}${between}${text}`));
    return {
      target: this.name,
      datasets: planned.flatMap(({ instance, plan }) => plan.datasets.map(within(instance))),
      compare: planned.flatMap(({ instance, plan }) => plan.compare.map(within(instance))),
      steps: planned.flatMap(({ instance, plan }) =>
        plan.steps.map((step) => `${instance} to ${plan.target}: ${step}`),
      ),
      conflicts: flat(({ conflicts }) => conflicts),
      drops: flat(({ drops }) => drops),
      warnings: flat(({ warnings }) => warnings),
      comparison: {
        contents: joinedContents(contents, planned),
        source: joinedSource(this.name, this.#source, planned),
      },
      ...(planned[0]?.plan.goOn === undefined ? {} : { goOn: planned[0].plan.goOn }),
    };
  }

  async restore(contents: BackupContents, plan: RestorePlan, given: RestoreRun): Promise<void> {
    const options = firebaseOptions(given);
    const { onProgress, signal } = options;
    const routes = this.#routing(contents, options);
    if (routes.length > 1) this.#refuseConflicts(await planRoutes(routes, signal), options);
    let done = 0;
    for (const { instance, contents: part, target, options: own } of routes) {
      const before = done;
      const onPart: OnProgress = (event) => {
        if (event.kind === 'done') done = before + event.plainBytes;
        onProgress(event.kind === 'done' ? { ...event, plainBytes: done } : event);
      };
      try {
        await target.restore(part, plan, { ...options, ...own, onProgress: onPart, signal });
      } catch (error) {
        throw instance === undefined ? error : namingInstance(error, instance, target.name);
      }
    }
  }

  /** Before anything is written anywhere. */
  #refuseConflicts(
    planned: readonly PlannedRoute[],
    { replace = false, rules = false }: FirebaseRestoreOptions,
  ): void {
    const conflicts = planned.flatMap(({ instance, plan }) =>
      plan.conflicts.map((text) => `${instance}: ${text}`),
    );
    if (conflicts.length > 0 && !replace)
      throw new HoldfastError(
        'E_TARGET_NOT_EMPTY',
        `${this.name} holds data at ${conflicts.join(', ')}; nothing was changed`,
        { hint: 'Pass --replace to remove that first, or --merge to keep what the backup lacks.' },
      );
    const without = planned.find(({ route }) => !storedDataset(route.contents, RULES_DATASET));
    if (rules && without)
      throw new HoldfastError('E_NO_DATASET', `the backup has no security rules of ${without.instance}`, {
        hint: 'Restore without --rules, or one instance at a time with --instance; `holdfast show KEY` lists the datasets.',
      });
  }
}

async function planRoutes(routes: readonly Route[], signal: AbortSignal): Promise<readonly PlannedRoute[]> {
  const planned: PlannedRoute[] = [];
  for (const route of routes) {
    const { instance = '', contents, options, target } = route;
    try {
      planned.push({ instance, route, plan: await target.plan(contents, options, signal) });
    } catch (error) {
      throw namingInstance(error, instance, target.name);
    }
  }
  return planned;
}

function within(instance: string): (dataset: StoredDataset) => StoredDataset {
  return (dataset) => ({ ...dataset, name: nameIn(instance, dataset.name) });
}

function joinedContents(contents: BackupContents, planned: readonly PlannedRoute[]): BackupContents {
  return {
    ...contents,
    datasets: planned.flatMap(({ instance, plan }) => plan.compare.map(within(instance))),
    read: (dataset, partition, signal) => {
      const [instance, name] = splitName(dataset.name);
      const compared = planned.find((one) => one.instance === instance)?.plan.comparison?.contents;
      return (compared ?? contents).read({ ...dataset, name }, partition, signal);
    },
  };
}

function joinedSource(name: string, source: Source, planned: readonly PlannedRoute[]): Source {
  return {
    kind: 'firebase-rtdb',
    name,
    capabilities: source.capabilities,
    open: async (signal): Promise<SourceView> => {
      const views: InstanceView[] = [];
      try {
        for (const { instance, plan } of planned) {
          const view = await plan.comparison?.source.open(signal);
          if (view) views.push({ name: instance, database: plan.target, view });
        }
        return new InstancesView(views);
      } catch (error) {
        await Promise.all(views.map(({ view }) => view[Symbol.asyncDispose]()));
        throw error;
      }
    },
  };
}
