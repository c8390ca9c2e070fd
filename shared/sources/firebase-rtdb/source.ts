import type { OpenOptions, Source, SourceCapabilities, SourceView } from '../source.ts';
import { FirebaseConnection } from './connection/connection.ts';
import {
  type AdapterOptions,
  connectionOptions,
  type Environment,
  type FirebaseOptions,
  firebaseName,
  parseFirebaseOptions,
} from './connection/options.ts';
import { hasInstances, parseInstances } from './instances/instances.ts';
import { InstancesSource } from './instances/instances-source.ts';
import { openView } from './reading/source-plan.ts';

/** @throws E_CONFIG listing every problem */
export function openFirebaseSource(url: string, options: AdapterOptions, env: Environment): Source {
  if (hasInstances(options))
    return new InstancesSource(
      parseInstances(url, options, env),
      (instance) => new FirebaseSource(instance, env),
    );
  return new FirebaseSource(parseFirebaseOptions(url, options, env), env);
}

/** A Firebase Realtime Database, or a node of it, read by REST. */
export class FirebaseSource implements Source {
  readonly kind = 'firebase-rtdb';
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  readonly #options: FirebaseOptions;
  readonly #env: Environment;

  constructor(options: FirebaseOptions, env: Environment) {
    this.#options = options;
    this.#env = env;
    this.name = firebaseName(options);
    this.capabilities = { consistency: 'per-subtree', maxReaders: options.readers };
  }

  async open(
    signal: AbortSignal,
    { parent, allowEmpty = false, onWarning = () => {} }: OpenOptions = {},
  ): Promise<SourceView> {
    const connection = new FirebaseConnection(connectionOptions(this.#options, this.#env));
    try {
      return await openView({ connection, options: this.#options, parent, allowEmpty, onWarning }, signal);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }
}
