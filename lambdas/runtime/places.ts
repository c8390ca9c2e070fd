import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { NamedSource } from '../../shared/config/named-source.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { openSource, type SourceConfig } from '../../shared/jobs/source/adapters.ts';
import { namedSource } from '../../shared/jobs/source/same-source.ts';
import type { Env } from '../../shared/sources/plugin.ts';
import { openSecret } from '../../shared/sources/registry.ts';
import { readSecret } from './secrets.ts';

/** A source that is open, with what has to be closed. */
export type OpenedSource = Awaited<ReturnType<typeof openSource>>;

type Place = Omit<NamedSource, 'name'>;

/**
 * Where a database is, and the environment for its adapter: with its login, without this process's variables.
 */
export interface OpenPlace {
  readonly config: SourceConfig;
  readonly env: Env;
}

/**
 * The source of that name. Its backups carry the configured name: a database that moves to another host stays
 * the same source, and roles that may not read its secret still know whose backups they are.
 *
 * @throws E_USAGE for an unknown name, E_SOURCE_REFUSED, E_CONFIG
 */
export async function openConfiguredSource(
  name: string,
  config: ResolvedConfig,
  signal: AbortSignal,
): Promise<OpenedSource> {
  const { config: place, env } = await openPlace(findSource(name, config), signal);
  return namedSource(await openSource(place, env), name);
}

/** @throws E_USAGE naming the existing ones */
function findSource(name: string, { sources }: ResolvedConfig): NamedSource {
  return findNamed(name, sources, 'source');
}

/** A database that restores may write to. @throws E_USAGE naming the existing ones */
export function findTarget(name: string, { targets }: ResolvedConfig): NamedSource {
  return findNamed(name, targets, 'target');
}

function findNamed(name: string, places: readonly NamedSource[], what: string): NamedSource {
  const found = places.find((place) => place.name === name);
  if (found) return found;
  const known = places.map((place) => place.name).join(', ') || 'none';
  throw new HoldfastError('E_USAGE', `'${name}' is not a configured ${what}; there are: ${known}`, {
    hint: `Name one of them, or add it to ${what}s in holdfast.config.ts and deploy.`,
  });
}

/** Fetches the secret, if there is one. @throws E_SOURCE_REFUSED, E_CONFIG */
export async function openPlace(place: Place, signal: AbortSignal): Promise<OpenPlace> {
  const { kind, url, secret, options } = place;
  const env = { AWS_REGION: process.env['AWS_REGION'] };
  if (secret === undefined) return { config: { kind, url, options }, env };
  const text = (await readSecret(secret, signal)).trim();
  const { host, port, database } = place;
  const bad = (problem: string) => badSecret(secret, problem);
  const opened = openSecret(kind, { text, url, host, port, database, bad });
  return { config: { kind, url: opened.url, options }, env: { ...env, ...opened.env } };
}

function badSecret(arn: string, problem: string): HoldfastError {
  return new HoldfastError('E_CONFIG', `the secret ${arn} names no database: ${problem}`, {
    hint: 'Store a connection URL, or the JSON that RDS writes: {engine, host, port, username, password, dbname}. For a secret with just user and password, set host, port and database in the configuration.',
  });
}
