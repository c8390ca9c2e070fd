import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { NamedSource } from '../../shared/config/named-source.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import type { SourceConfig } from '../../shared/jobs/source/adapters.ts';
import type { Env } from '../../shared/sources/plugin.ts';
import { openSecret } from '../../shared/sources/registry.ts';
import { readSecret } from './secrets.ts';

type Place = Omit<NamedSource, 'name'>;

/**
 * Where a database is, and the environment for its adapter: with its login, without this process's variables.
 */
export interface OpenPlace {
  readonly config: SourceConfig;
  readonly env: Env;
}

/** A database that restores may write to. @throws E_USAGE naming the existing ones */
export function findTarget(name: string, { targets }: ResolvedConfig): NamedSource {
  return findNamed(name, targets, 'target');
}

/** @throws E_USAGE naming the existing ones */
export function findNamed(name: string, places: readonly NamedSource[], what: string): NamedSource {
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
