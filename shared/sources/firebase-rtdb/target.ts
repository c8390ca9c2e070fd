import { HoldfastError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { BackupContents, StoredDataset } from '../contents.ts';
import type { Source } from '../source.ts';
import { comparingStep, type RestoreOptions, type RestorePlan, type Target } from '../target.ts';
import { FirebaseConnection } from './connection/connection.ts';
import {
  type AdapterOptions,
  connectionOptions,
  type Environment,
  type FirebaseOptions,
  firebaseName,
  parseFirebaseOptions,
} from './connection/options.ts';
import { type NodePath, parsePath, showPath } from './connection/paths.ts';
import { routesByName, routeToOne } from './instances/instance-routes.ts';
import { hasInstances, instancesName, parseInstances } from './instances/instances.ts';
import { InstancesSource } from './instances/instances-source.ts';
import { RoutedTarget } from './instances/routed-target.ts';
import { RULES_DATASET, storedDataset } from './reading/datasets.ts';
import { linesOf } from './reading/parent-records.ts';
import { writeRules } from './reading/rules.ts';
import { checkDepth, measureSelection } from './restore/checks.ts';
import { comparedContents, comparedSource } from './restore/comparison.ts';
import { type Conflict, findConflicts, refuseValuesAbove } from './restore/conflicts.ts';
import { FIREBASE_RESTORE_OPTIONS, type FirebaseRestoreOptions, firebaseOptions } from './restore/options.ts';
import type { PlacedSelection } from './restore/placed-selection.ts';
import { RateLimit } from './restore/rate-limit.ts';
import { removeNode } from './restore/remove-node.ts';
import { stillToWrite } from './restore/resume.ts';
import { readSelection, select } from './restore/selection.ts';
import { readPlace } from './restore/target-view.ts';
import { RestoreWriter } from './restore/writer.ts';
import { FirebaseSource } from './source.ts';
import { leavesOf } from './text/record-parts.ts';

const DEFAULT_JOBS = 6;

/** @throws E_CONFIG listing every problem */
export function openFirebaseTarget(url: string, options: AdapterOptions, env: Environment): Target {
  const sourceOf = (instance: FirebaseOptions) => new FirebaseSource(instance, env);
  if (!hasInstances(options)) {
    const target = new FirebaseTarget(parseFirebaseOptions(url, options, env), env);
    return new RoutedTarget(target.name, target.asSource(), routeToOne(target));
  }
  const instances = parseInstances(url, options, env);
  const targets = new Map(instances.map((one) => [one.name, new FirebaseTarget(one.options, env)]));
  return new RoutedTarget(
    instancesName(instances),
    new InstancesSource(instances, sourceOf),
    routesByName(targets),
  );
}

type RestoreRun = RestoreOptions & { readonly onProgress: OnProgress; readonly signal: AbortSignal };
type FirebaseRun = FirebaseRestoreOptions & Pick<RestoreRun, 'onProgress' | 'signal'>;

/** A Firebase Realtime Database, or a node of it, to restore into. */
export class FirebaseTarget implements Target {
  readonly kind = 'firebase-rtdb';
  readonly name: string;
  readonly comparesItself = false;
  readonly specialOptions = Object.keys(FIREBASE_RESTORE_OPTIONS);
  readonly #options: FirebaseOptions;
  readonly #env: Environment;

  constructor(options: FirebaseOptions, env: Environment) {
    this.#options = options;
    this.#env = env;
    this.name = firebaseName(options);
  }

  asSource(): Source {
    return new FirebaseSource(this.#options, this.#env);
  }

  async plan(contents: BackupContents, given: RestoreOptions, signal: AbortSignal): Promise<RestorePlan> {
    const options = firebaseOptions(given);
    const { replace = false, merge = false, resume = false, rules = false } = options;
    refuseMixed(options);
    const selections = await this.#place(contents, options, signal);
    await checkDepth(contents, selections, signal);
    await using connection = this.#connect();
    const places = this.#places(selections, options);
    await refuseValuesAbove(connection, places, signal);
    const conflicts = merge || resume ? [] : await findConflicts(connection, places, signal);
    const drops = replace ? conflicts.map(({ text }) => text) : [];
    const records = selections.reduce((sum, selection) => sum + selection.records, 0);
    const datasets = selections.map(virtual);
    return {
      target: this.name,
      datasets,
      compare: datasets,
      steps: [
        ...(drops.length > 0 ? [`remove ${drops.join(', ')}`] : []),
        `write ${plural(records, 'record')} of ${plural(selections.length, 'node')} below ${places.map(showPath).join(', ')}${resume ? ', as far as they are not there' : ''}`,
        ...(merge ? ['keep all other keys of the target, at every depth'] : []),
        ...(rules ? ['put the security rules of the backup into force'] : []),
        ...comparingStep('read all of it back', options),
      ],
      conflicts: conflicts.map(({ text }) => text),
      drops,
      warnings: warningsOf(contents, options, this.#options),
      comparison: {
        contents: comparedContents(contents, selections, datasets, { merge }),
        source: comparedSource(contents, selections, {
          name: this.name,
          options: this.#options,
          connect: () => this.#connect(),
          merge,
        }),
      },
      goOn: 'The target may hold a part of the backup: go on with --resume, or begin anew with --replace.',
    };
  }

  async restore(contents: BackupContents, _: RestorePlan, given: RestoreRun): Promise<void> {
    const options = firebaseOptions(given);
    const { signal, onProgress, merge = false, resume = false, replace = false, rules = false } = options;
    const selections = await this.#place(contents, options, signal);
    await using connection = this.#connect();
    let done = 0;
    const writer = new RestoreWriter({
      connection,
      jobs: options.jobs ?? DEFAULT_JOBS,
      rate: new RateLimit(options.bytesPerSecond),
      onBytes: (bytes) => {
        done += bytes;
        onProgress({ kind: 'done', plainBytes: done, storedBytes: 0 });
      },
      signal,
    });
    if (!merge && !resume) {
      const conflicts = await findConflicts(connection, this.#places(selections, options), signal);
      if (conflicts.length > 0 && !replace) throw this.#notEmpty(conflicts);
      await this.#clear(connection, conflicts, options);
    }
    for (const selection of selections) {
      const records = readSelection(contents, selection, signal);
      const { place, name, plainBytes } = selection;
      const inTarget = () => readPlace({ connection, options: this.#options, selection, signal });
      const missing = resume ? stillToWrite(records, inTarget(), { place, mayHoldMore: merge }) : records;
      await writer.write(place, merge ? leavesOf(missing) : missing);
      onProgress({ kind: 'dataset', dataset: name, records: selection.records, plainBytes });
    }
    if (rules) await this.#restoreRules(contents, connection, signal);
  }

  /** Removes what is in the way. If it is stopped, the same restore removes the rest. */
  async #clear(
    connection: FirebaseConnection,
    conflicts: readonly Conflict[],
    { onProgress, signal }: FirebaseRun,
  ): Promise<void> {
    if (conflicts.length === 0) return;
    onProgress({ kind: 'phase', phase: 'clear' });
    let nodes = 0;
    const onRemoved = (more: number): void => {
      nodes += more;
      onProgress({ kind: 'removed', nodes });
    };
    for (const { place } of conflicts) await removeNode(connection, place, { onRemoved, signal });
    onProgress({ kind: 'phase', phase: 'write' });
  }

  async #restoreRules(
    contents: BackupContents,
    connection: FirebaseConnection,
    signal: AbortSignal,
  ): Promise<void> {
    const dataset = storedDataset(contents, RULES_DATASET);
    const [partition] = dataset?.partitions ?? [];
    if (!dataset || !partition)
      throw new HoldfastError('E_NO_DATASET', 'the backup has no security rules', {
        hint: 'Restore without --rules; `holdfast show KEY` says what the backup lacks.',
      });
    const lines = await Array.fromAsync(linesOf(contents.read(dataset, partition, signal)));
    const text = Buffer.concat(lines).toString('utf8');
    await writeRules(connection, dataset.attributes['finalNewline'] ? text : text.slice(0, -1), signal);
  }

  /** What is restored and where it goes; of a path, counted. @throws E_NO_DATASET */
  async #place(
    contents: BackupContents,
    options: FirebaseRestoreOptions,
    signal: AbortSignal,
  ): Promise<readonly PlacedSelection[]> {
    const from = options.path === undefined ? [] : parsePath(options.path, '--path');
    const to = options.toPath === undefined ? from : parsePath(options.toPath, '--to-path');
    const placed = select(contents, options).map(async (selection) => {
      const place = [...this.#options.base, ...to, ...selection.path.slice(from.length)];
      const { name, records, plainBytes } = selection.dataset;
      if (selection.below.length === 0) return { ...selection, place, name, records, plainBytes };
      const counted = await measureSelection(readSelection(contents, selection, signal));
      return { ...selection, ...counted, place, name: showPath(selection.path) };
    });
    const selections = await Promise.all(placed);
    const empty = selections.find(({ below, records }) => below.length > 0 && records === 0);
    if (empty)
      throw new HoldfastError('E_NO_DATASET', `the backup has nothing at ${showPath(empty.path)}`, {
        hint: 'Check the path; `holdfast export KEY --format json --path` shows what lies at one.',
      });
    return selections;
  }

  /** Nodes that must be empty: that of the whole, or those that were named. */
  #places(selections: readonly PlacedSelection[], options: FirebaseRestoreOptions): readonly NodePath[] {
    if (options.datasets !== undefined) return selections.map(({ place }) => place);
    const to = parsePath(options.toPath ?? options.path ?? '', '--to-path');
    return [[...this.#options.base, ...to]];
  }

  #notEmpty(conflicts: readonly Conflict[]): HoldfastError {
    return new HoldfastError(
      'E_TARGET_NOT_EMPTY',
      `${this.name} holds data at ${conflicts.map(({ text }) => text).join(', ')}; nothing was changed`,
      {
        hint: 'Pass --replace to remove that first, --merge to keep what the backup lacks, or --to-path for another place.',
      },
    );
  }

  #connect(): FirebaseConnection {
    return new FirebaseConnection(connectionOptions(this.#options, this.#env));
  }
}

function refuseMixed({ replace, merge, resume }: FirebaseRestoreOptions): void {
  if (!replace || (!merge && !resume)) return;
  throw new HoldfastError(
    'E_USAGE',
    `--replace and ${merge ? '--merge' : '--resume'} contradict each other`,
    {
      hint: '--replace removes existing data first; --merge and --resume keep it.',
    },
  );
}

function virtual({ dataset, name, records, plainBytes }: PlacedSelection): StoredDataset {
  return {
    name,
    kind: 'data',
    attributes: dataset.attributes,
    records,
    plainBytes,
    partitions: [{ name: '0', records, plainBytes }],
  };
}

function warningsOf(
  contents: BackupContents,
  { rules, path, datasets }: FirebaseRestoreOptions,
  { base }: FirebaseOptions,
): readonly string[] {
  const hasRules = storedDataset(contents, RULES_DATASET) !== undefined;
  if (rules || !hasRules || path !== undefined || datasets !== undefined || base.length > 0) return [];
  return ['the security rules of the backup are not put into force; pass --rules if they are to be'];
}
