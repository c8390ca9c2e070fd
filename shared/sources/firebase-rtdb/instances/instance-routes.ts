import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents } from '../../contents.ts';
import type { Target } from '../../target.ts';
import type { FirebaseRestoreOptions } from '../restore/options.ts';
import {
  chooseOne,
  chosenInstances,
  contentsOfInstance,
  datasetsWithin,
  instancesIn,
} from './instance-contents.ts';

/** One database of a backup, and where it goes. */
export interface Route {
  /** Undefined in a backup of one database. */
  readonly instance: string | undefined;
  readonly contents: BackupContents;
  readonly options: FirebaseRestoreOptions;
  readonly target: Target;
}

/** @throws E_USAGE, E_NO_DATASET with what to do */
export type Routing = (contents: BackupContents, options: FirebaseRestoreOptions) => readonly Route[];

/** Into one database: that of the backup, or the one instance that is named. */
export function routeToOne(target: Target): Routing {
  return (contents, options) => {
    if (instancesIn(contents).length > 0) {
      const instance = chooseOne(contents, options, `${target.name} is one database`);
      return [routeOf(contents, options, { instance, target })];
    }
    if (options.instance !== undefined) chosenInstances(contents, options);
    return [{ instance: undefined, contents, options, target }];
  };
}

/** Into several databases: each instance to its namesake. */
export function routesByName(targets: ReadonlyMap<string, Target>): Routing {
  return (contents, options) => {
    const names = instancesIn(contents);
    if (names.length === 0) return [routeToNamed(targets, contents, options)];
    const chosen = chosenInstances(contents, options);
    const pathOption = (['path', 'toPath'] as const).find((name) => options[name] !== undefined);
    if (pathOption !== undefined && chosen.length > 1)
      throw new HoldfastError('E_USAGE', 'a path is given, and several instances are to be restored', {
        hint: 'A path is that of one database: name it with --instance.',
      });
    return chosen.map((instance) =>
      routeOf(contents, options, { instance, target: namesake(targets, instance) }),
    );
  };
}

/** Each instance to what `targetOf` gives; a backup of one database to what it gives for none. */
export function routesTo(targetOf: (instance: string | undefined) => Target): Routing {
  return (contents, options) => {
    if (instancesIn(contents).length === 0)
      return [{ instance: undefined, contents, options, target: targetOf(undefined) }];
    return chosenInstances(contents, options).map((instance) =>
      routeOf(contents, options, { instance, target: targetOf(instance) }),
    );
  };
}

function routeToNamed(
  targets: ReadonlyMap<string, Target>,
  contents: BackupContents,
  { instance, ...options }: FirebaseRestoreOptions,
): Route {
  if (instance !== undefined)
    return { instance: undefined, contents, options, target: namesake(targets, instance) };
  throw new HoldfastError(
    'E_USAGE',
    `the backup is of one database, and the target has several: ${[...targets.keys()].join(', ')}`,
    { hint: 'Say which of them it goes to: --instance NAME, or --to the URL of one database.' },
  );
}

function namesake(targets: ReadonlyMap<string, Target>, instance: string): Target {
  const target = targets.get(instance);
  if (target) return target;
  throw new HoldfastError(
    'E_USAGE',
    `the target has no instance '${instance}'; it has ${[...targets.keys()].join(', ')}`,
    {
      hint: 'Each instance goes to its namesake: add it to `instances` of the target, or restore one at a time with --instance NAME --to URL.',
    },
  );
}

function routeOf(
  contents: BackupContents,
  options: FirebaseRestoreOptions,
  { instance, target }: { readonly instance: string; readonly target: Target },
): Route {
  const datasets = datasetsWithin(instance, options.datasets);
  return {
    instance,
    contents: contentsOfInstance(contents, instance),
    options: { ...options, instance: undefined, datasets },
    target,
  };
}
