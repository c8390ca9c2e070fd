import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { MINUTE_MS } from '../../core/units.ts';
import type { BackupContents } from '../contents.ts';
import {
  type SchemaComparison,
  type Scratch,
  type ScratchMark,
  type ScratchServer,
  scratchName,
} from '../scratch.ts';
import type { Target } from '../target.ts';
import { FirebaseConnection } from './connection/connection.ts';
import {
  type AdapterOptions,
  connectionOptions,
  type Environment,
  type FirebaseOptions,
  firebaseName,
  parseFirebaseOptions,
} from './connection/options.ts';
import { showPath } from './connection/paths.ts';
import { contentsOfInstance, instancesIn } from './instances/instance-contents.ts';
import { routesTo } from './instances/instance-routes.ts';
import { databasesOfName, hasInstances } from './instances/instances.ts';
import { RoutedTarget } from './instances/routed-target.ts';
import { roleOf } from './reading/datasets.ts';
import { checkDepth } from './restore/checks.ts';
import { findConflicts } from './restore/conflicts.ts';
import { removeNode } from './restore/remove-node.ts';
import { select } from './restore/selection.ts';
import { ScratchMarks } from './scratch/marks.ts';
import { FirebaseTarget } from './target.ts';

/** For writing a mark, which is not stopped half way. */
const MOST_MS = 2 * MINUTE_MS;

type MakeOptions = Parameters<ScratchServer['make']>[2];

/** @throws E_CONFIG listing every problem */
export function openFirebaseScratch(
  url: string,
  options: AdapterOptions,
  env: Environment,
): FirebaseScratchServer {
  if (hasInstances(options))
    throw new HoldfastError('E_CONFIG', 'several instances are given, and drills run in one database', {
      hint: 'Name one database: each instance of the backup gets a node of its own there.',
    });
  return new FirebaseScratchServer(parseFirebaseOptions(url, options, env), env);
}

/** A database, or a node of one, below which drills make nodes of their own. */
export class FirebaseScratchServer implements ScratchServer {
  readonly kind = 'firebase-rtdb';
  readonly name: string;
  readonly sharedWarning =
    'the drill runs in the source database itself: it puts load on it, and a backup made meanwhile reads what the drill has restored as data; a database only for drills is better';
  readonly #options: FirebaseOptions;
  readonly #env: Environment;

  constructor(options: FirebaseOptions, env: Environment) {
    this.#options = options;
    this.#env = env;
    this.name = firebaseName(options);
  }

  /** A server of this machine may be named without its namespace. */
  isServerOf(source: string): boolean {
    return databasesOfName(source).some((database) => {
      if (!URL.canParse(database)) return false;
      const { origin, searchParams } = new URL(database);
      const { namespace = searchParams.get('ns') } = this.#options;
      return origin === this.#options.origin && (searchParams.get('ns') ?? namespace) === namespace;
    });
  }

  async inTheWayOf(name: string, signal: AbortSignal): Promise<readonly string[]> {
    await using connection = new FirebaseConnection(connectionOptions(this.#options, this.#env));
    const place = [...this.#options.base, name];
    const found = await findConflicts(connection, [place], signal);
    return found.length > 0 ? [showPath(place)] : [];
  }

  async make(contents: BackupContents, mark: ScratchMark, { onWarning, signal }: MakeOptions) {
    const { base } = this.#options;
    const options = { ...this.#options, base: [...base, scratchName(mark)] };
    const instances = instancesIn(contents);
    if (instances.length === 0) await checkRoom(contents, options, signal);
    for (const instance of instances)
      await checkRoom(contentsOfInstance(contents, instance), below(options, instance), signal);
    await using connection = new FirebaseConnection(connectionOptions(options, this.#env));
    const marks = new ScratchMarks(connection, base);
    await marks.checkPlace(signal);
    await marks.removeLeftovers(mark, onWarning, signal);
    await checkUnused(connection, options, signal);
    throwIfAborted(signal);
    await writeMark(marks, mark);
    return new FirebaseScratch(options, this.#env, leftOutOf(contents));
  }
}

/** A node that a drill made. */
class FirebaseScratch implements Scratch {
  readonly name: string;
  readonly server = 'Firebase Realtime Database';
  readonly removal: string;
  /** Of several instances, each has a node below that of the drill. */
  readonly target: Target;
  readonly restoreOptions = {};
  readonly leftOut: readonly string[];
  readonly #options: FirebaseOptions;
  readonly #env: Environment;

  constructor(options: FirebaseOptions, env: Environment, leftOut: readonly string[]) {
    this.#options = options;
    this.#env = env;
    this.leftOut = leftOut;
    this.name = firebaseName(options);
    const whole = new FirebaseTarget(options, env);
    this.target = new RoutedTarget(
      this.name,
      whole.asSource(),
      routesTo((instance) =>
        instance === undefined ? whole : new FirebaseTarget(below(options, instance), env),
      ),
    );
    const [url = '', query] = this.name.split('?');
    this.removal = `curl -X DELETE -H "Authorization: Bearer $FIREBASE_ACCESS_TOKEN" '${url}.json${query ? `?${query}` : ''}'`;
  }

  async compareSchema(): Promise<SchemaComparison> {
    return { outcome: 'none', objects: 0, missing: [], unexpected: [], changed: [] };
  }

  /** The mark last: what could not be removed is still known for a drill's. */
  async remove(signal: AbortSignal): Promise<void> {
    await using connection = this.#connect();
    await removeNode(connection, this.#options.base, { signal });
    await this.#marks(connection).remove(this.#node, signal);
  }

  async keep(signal: AbortSignal): Promise<void> {
    await using connection = this.#connect();
    await this.#marks(connection).remove(this.#node, signal);
  }

  async close(): Promise<void> {}

  get #node(): string {
    return this.#options.base.at(-1) ?? '';
  }

  #marks(connection: FirebaseConnection): ScratchMarks {
    return new ScratchMarks(connection, this.#options.base.slice(0, -1));
  }

  #connect(): FirebaseConnection {
    return new FirebaseConnection(connectionOptions(this.#options, this.#env));
  }
}

function below(options: FirebaseOptions, instance: string): FirebaseOptions {
  return { ...options, base: [...options.base, instance] };
}

/** @throws E_SOURCE_*; no mark is left then, as far as the database can be asked */
async function writeMark(marks: ScratchMarks, mark: ScratchMark): Promise<void> {
  try {
    await marks.write(mark, AbortSignal.timeout(MOST_MS));
  } catch (error) {
    await marks.remove(scratchName(mark), AbortSignal.timeout(MOST_MS)).catch(() => {});
    throw error;
  }
}

function leftOutOf(contents: BackupContents): readonly string[] {
  if (!contents.datasets.some((dataset) => roleOf(dataset) === 'rules')) return [];
  return ['security rules: they are those of a whole database, and were not put into force'];
}

/** @throws E_SOURCE_UNSUPPORTED if the backup is too deep for a place below the root; nothing was changed */
async function checkRoom(
  contents: BackupContents,
  { base }: FirebaseOptions,
  signal: AbortSignal,
): Promise<void> {
  const placed = select(contents, {}).map((one) => ({ ...one, place: [...base, ...one.path] }));
  try {
    await checkDepth(contents, placed, signal);
  } catch (error) {
    if (!isHoldfastError(error, 'E_SOURCE_UNSUPPORTED')) throw error;
    const levels = base.length === 1 ? 'one level' : `${base.length} levels`;
    throw new HoldfastError(error.code, `the place of a drill adds ${levels}: ${error.message}`, {
      cause: error,
      details: error.details,
      hint: 'A backup so deep fits at the root only: restore it into an empty database, which compares it too.',
    });
  }
}

/** @throws E_TARGET_NOT_EMPTY if the node exists; nothing was changed */
async function checkUnused(
  connection: FirebaseConnection,
  { base }: FirebaseOptions,
  signal: AbortSignal,
): Promise<void> {
  if ((await findConflicts(connection, [base], signal)).length === 0) return;
  throw new HoldfastError('E_TARGET_NOT_EMPTY', `${showPath(base)} already exists; nothing was changed`, {
    hint: 'A drill makes a node of a new name: run it again.',
  });
}
