import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import {
  type AdapterOptions,
  type Environment,
  type FirebaseOptions,
  firebaseName,
  parseFirebaseOptions,
} from '../connection/options.ts';
import { isWithin } from '../connection/paths.ts';

/** One database of several that are one source, or one target. */
export interface Instance {
  /** As the configuration calls it: `eu`. No `/` in it. */
  readonly name: string;
  readonly options: FirebaseOptions;
}

const ENTRY = /^([a-z][a-z0-9_-]{0,31})=(.+)$/i;

/** Whether a place of the configuration is several databases. */
export function hasInstances(options: AdapterOptions): boolean {
  return options['instances'] !== undefined;
}

/**
 * The databases of the option `instances`, which is `eu=URL us=URL` once the configuration is read. Everything else is
 * said of all of them.
 *
 * @throws E_CONFIG listing every problem; no value that may be secret is in the message
 */
export function parseInstances(
  url: string,
  { instances: text, ...options }: AdapterOptions,
  env: Environment,
): readonly Instance[] {
  const problems: string[] = [];
  if (url !== '')
    problems.push(
      'url and instances are both given (a secret that is a URL counts as one); give one of them',
    );
  const found: Instance[] = [];
  for (const entry of String(text).split(/\s+/).filter(Boolean)) {
    const [, name = '', place = ''] = ENTRY.exec(entry) ?? [];
    if (name === '') problems.push('instances must look like eu=https://NAME.firebaseio.com');
    else if (found.some((one) => one.name === name)) problems.push(`there are two instances '${name}'`);
    else {
      const parsed = optionsOf(name, { place, options, env }, problems);
      if (parsed) found.push({ name, options: parsed });
    }
  }
  problems.push(...overlapping(found));
  if (problems.length === 0 && found.length > 0) return found;
  const list = problems.length > 0 ? problems.join('; ') : 'instances names no database';
  throw new HoldfastError('E_CONFIG', `the settings of the instances are wrong: ${list}`, {
    hint: 'See docs/reference/firebase.md for several instances of a project.',
    details: { problems: Math.max(problems.length, 1) },
  });
}

/** What manifests call them together: `eu=https://shop-eu.firebaseio.com us=https://…`. No secret in it. */
export function instancesName(instances: readonly Instance[]): string {
  return instances.map(({ name, options }) => `${name}=${firebaseName(options)}`).join(' ');
}

/** The databases that the name of a source is of: itself, but for one of several instances. */
export function databasesOfName(source: string): readonly string[] {
  const entries = source.split(' ').map((entry) => ENTRY.exec(entry)?.[2]);
  return entries.every((entry) => entry !== undefined) ? entries : [source];
}

/** The same error, saying which instance it is of. */
export function namingInstance(error: unknown, instance: string, database: string): unknown {
  if (!isHoldfastError(error) || error.code === 'E_ABORTED') return error;
  const { code, message, details, hint } = error;
  return new HoldfastError(code, `instance ${instance} (${database}): ${message}`, {
    cause: error,
    details: { ...details, instance },
    ...(hint === undefined ? {} : { hint }),
  });
}

function optionsOf(
  name: string,
  {
    place,
    options,
    env,
  }: { readonly place: string; readonly options: AdapterOptions; readonly env: Environment },
  problems: string[],
): FirebaseOptions | undefined {
  try {
    return parseFirebaseOptions(place, options, env);
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    problems.push(`instance ${name}: ${error.message}`);
    return undefined;
  }
}

/** What lies in two instances would be stored twice, and restored over itself. */
function overlapping(instances: readonly Instance[]): readonly string[] {
  return instances.flatMap((one, i) =>
    instances
      .slice(i + 1)
      .filter(({ options }) => isSamePlace(one.options, options))
      .map(
        ({ name }) => `the instances ${one.name} and ${name} are the same database, or one lies in the other`,
      ),
  );
}

function isSamePlace(a: FirebaseOptions, b: FirebaseOptions): boolean {
  if (a.origin !== b.origin || a.namespace !== b.namespace) return false;
  return isWithin(a.base, b.base) || isWithin(b.base, a.base);
}
