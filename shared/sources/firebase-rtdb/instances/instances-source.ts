import { HoldfastError } from '../../../core/errors.ts';
import { parallel } from '../../../core/parallel.ts';
import type { OpenOptions, Source, SourceCapabilities, SourceView } from '../../source.ts';
import { type FirebaseOptions, firebaseName } from '../connection/options.ts';
import { contentsOfInstance, instancesIn } from './instance-contents.ts';
import { type Instance, instancesName, namingInstance } from './instances.ts';
import { InstancesView, type InstanceView } from './instances-view.ts';

/** Several databases of one project, backed up together or not at all. */
export class InstancesSource implements Source {
  readonly kind = 'firebase-rtdb';
  readonly name: string;
  readonly capabilities: SourceCapabilities;
  readonly #instances: readonly Instance[];
  readonly #sourceOf: (options: FirebaseOptions) => Source;

  constructor(instances: readonly Instance[], sourceOf: (options: FirebaseOptions) => Source) {
    this.#instances = instances;
    this.#sourceOf = sourceOf;
    this.name = instancesName(instances);
    // Said of all instances, so the first one's is that of each.
    this.capabilities = { consistency: 'per-subtree', maxReaders: instances[0]?.options.readers ?? 1 };
  }

  async open(signal: AbortSignal, options: OpenOptions = {}): Promise<SourceView> {
    const opened = new Map<string, InstanceView>();
    const { maxReaders: most } = this.capabilities;
    try {
      await parallel(this.#instances, { most, signal }, async (instance, stopping) => {
        opened.set(instance.name, await this.#openOne(instance, options, stopping));
      });
      const views = this.#instances.flatMap(({ name }) => opened.get(name) ?? []);
      if (!options.allowEmpty) refuseEmptyInstance(views);
      return new InstancesView(views);
    } catch (error) {
      await Promise.all([...opened.values()].map(({ view }) => view[Symbol.asyncDispose]()));
      throw error;
    }
  }

  async #openOne(
    { name, options }: Instance,
    { parent, onWarning = () => {}, ...others }: OpenOptions,
    signal: AbortSignal,
  ): Promise<InstanceView> {
    const database = firebaseName(options);
    const isInParent = parent !== undefined && instancesIn(parent).includes(name);
    try {
      const view = await this.#sourceOf(options).open(signal, {
        ...others,
        parent: isInParent ? contentsOfInstance(parent, name) : undefined,
        onWarning: (message) => onWarning(`${name}: ${message}`),
      });
      return { name, database, view };
    } catch (error) {
      throw explainEmpty(namingInstance(error, name, database));
    }
  }
}

const EMPTY_HINT =
  'Check the URL of that instance. If it is meant to be empty, take it out of `instances`, or pass --allow-empty.';

function refuseEmptyInstance(views: readonly InstanceView[]): void {
  const empty = views.find(({ view }) => !view.datasets.some(({ kind }) => kind === 'data'));
  if (!empty) return;
  throw new HoldfastError('E_EMPTY_READ', `instance ${empty.name} (${empty.database}) holds nothing`, {
    hint: EMPTY_HINT,
  });
}

function explainEmpty(error: unknown): unknown {
  if (!(error instanceof HoldfastError) || error.code !== 'E_EMPTY_READ') return error;
  const { code, message, details } = error;
  return new HoldfastError(code, message, { cause: error, details, hint: EMPTY_HINT });
}
