import { type CheckOptions, runChecks, type SourceCheck, type SourceChecks } from '../source-checks.ts';
import { ACCESS, type CheckContext, type FirebaseCheck, READING } from './checks/read.ts';
import { Asker } from './checks/sample.ts';
import { WRITE, WRITING } from './checks/write.ts';
import { FirebaseConnection } from './connection/connection.ts';
import {
  type AdapterOptions,
  connectionOptions,
  type Environment,
  type FirebaseOptions,
  firebaseName,
  parseFirebaseOptions,
} from './connection/options.ts';
import { hasInstances, type Instance, instancesName, parseInstances } from './instances/instances.ts';
import { OwnNode } from './scratch/own-node.ts';

/** Writes come before reads: if there is a node of their own, all reads use it. */
export const FIREBASE_CHECKS: readonly FirebaseCheck[] = [...ACCESS, WRITE, ...READING, ...WRITING];

/** @throws E_CONFIG listing every problem */
export function openFirebaseChecks(url: string, options: AdapterOptions, env: Environment): SourceChecks {
  if (hasInstances(options)) {
    const instances = parseInstances(url, options, env);
    return new InstancesChecks(instances, (instance) => new FirebaseChecks(instance, env));
  }
  return new FirebaseChecks(parseFirebaseOptions(url, options, env), env);
}

class FirebaseChecks implements SourceChecks {
  readonly kind = 'firebase-rtdb';
  readonly name: string;
  readonly #options: FirebaseOptions;
  readonly #env: Environment;

  constructor(options: FirebaseOptions, env: Environment) {
    this.#options = options;
    this.#env = env;
    this.name = firebaseName(options);
  }

  async *run(options: CheckOptions): AsyncGenerator<SourceCheck> {
    await using connection = new FirebaseConnection(
      connectionOptions({ ...this.#options, etags: 'auto' }, this.#env),
    );
    await using own = new OwnNode(connection, this.#options.base);
    const asker = new Asker(connection, options.signal);
    const look: CheckContext = { connection, options: this.#options, asker, own, sample: undefined };
    const isSource = (options.use ?? 'backup') === 'backup';
    yield* runChecks(isSource ? FIREBASE_CHECKS : ACCESS.slice(0, 1), look, options);
  }
}

/** One database after the other; a check of `eu` is called `eu/etag-silent`. */
class InstancesChecks implements SourceChecks {
  readonly kind = 'firebase-rtdb';
  readonly name: string;
  readonly #instances: readonly Instance[];
  readonly #checksOf: (options: FirebaseOptions) => SourceChecks;

  constructor(instances: readonly Instance[], checksOf: (options: FirebaseOptions) => SourceChecks) {
    this.name = instancesName(instances);
    this.#instances = instances;
    this.#checksOf = checksOf;
  }

  async *run(options: CheckOptions): AsyncGenerator<SourceCheck> {
    for (const instance of this.#instances)
      for await (const check of this.#checksOf(instance.options).run(options))
        yield { ...check, name: `${instance.name}/${check.name}` };
  }
}
