import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type ResolvedConfig, resolveConfig } from '../shared/config/config.ts';
import { DEFAULT_FILES, readConfigFile } from '../shared/config/file.ts';
import type { NamedSource } from '../shared/config/named-source.ts';
import { HoldfastError } from '../shared/core/errors.ts';
import { nearest } from '../shared/core/nearest.ts';
import { MiB } from '../shared/core/units.ts';
import type { RepositoryConfig } from '../shared/jobs/open-repository.ts';
import { placeIn, placeOfUrl, type SourceConfig } from '../shared/jobs/source/adapters.ts';
import { KINDS, pluginNamed, pluginOf } from '../shared/sources/registry.ts';
import { usage } from './command.ts';
import type { Io } from './io.ts';

const SECRET_IN_URL = /^[a-z]+:\/\/[^/@]*:[^/@]+@|[?&](auth|access_token)=/;

/** URLs in these variables were not given as arguments. */
const URL_VARIABLES = [
  'HOLDFAST_SOURCE',
  ...KINDS.flatMap(({ sourceVariable = [], fallbackVariable }) =>
    [sourceVariable, fallbackVariable?.name ?? []].flat(),
  ),
];

/** Options that say where the configuration is, and stand above it. */
export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly repository?: string | undefined;
  readonly source?: string | undefined;
}

/** Reads configuration file, environment and flags. @throws E_CONFIG with every problem */
export async function loadConfig(flags: ConfigFlags, io: Io): Promise<ResolvedConfig> {
  const fileName = flags.config ?? DEFAULT_FILES.find((name) => existsSync(path.join(io.cwd, name)));
  const file = fileName === undefined ? undefined : await readConfigFile(path.resolve(io.cwd, fileName));
  return resolveConfig({ file, fileName: fileName ?? '', env: io.env, flags });
}

/** What opens the repository. @throws E_CONFIG if no place is configured, E_BAD_KEY, E_NO_KEY */
export async function repositoryConfig(config: ResolvedConfig, io: Io): Promise<RepositoryConfig> {
  const { repository, s3, kmsKey, olderKmsKeys, workers, cacheMiB, compressionLevel, deltas, storageClass } =
    config;
  const { recoveryKeys, rereadWithin } = config;
  if (repository === undefined) {
    throw new HoldfastError('E_CONFIG', 'no repository is configured', {
      hint: `Pass --repository PLACE, set HOLDFAST_REPOSITORY, or write it into holdfast.config.ts.${existsSync(path.join(io.cwd, '.env')) ? ' The .env in this folder is read only with --env-file .env.' : ''}`,
    });
  }
  const encryptionKey = config.encryptionKey ?? (await readKeyFile(config.keyFile, io));
  const cacheBytes = cacheMiB === undefined ? undefined : cacheMiB * MiB;
  const place =
    repository === '' || /^[a-z0-9]+:/i.test(repository) ? repository : path.resolve(io.cwd, repository);
  const { graceMs } = config.prune;
  const limits = { workers, cacheBytes, compressionLevel, graceMs };
  const keys = { encryptionKey, kmsKey, olderKmsKeys, recoveryKeys, signing: await signingOf(config, io) };
  return { repository: place, s3, ...keys, deltas, rereadWithin, storageClass, ...limits };
}

/**
 * The meant source or target: a configured name, `env:NAME` for a URL in the environment, or a URL or path
 * itself.
 */
export function findPlace(text: string, config: ResolvedConfig, io: Io): SourceConfig {
  const named = [...config.sources, ...config.targets].find(({ name }) => name === text);
  if (named) refuseSecret(named);
  if (named) return placeIn(named, io.cwd, io.env);
  if (!text.startsWith('env:')) {
    // The process title was changed, but the shell's history has the argument, and so did `ps` at first.
    if (SECRET_IN_URL.test(text) && !URL_VARIABLES.some((name) => io.env[name] === text))
      io.stderr.write('warning: others can see a password or token in an argument; use env:NAME\n');
    refuseName(text, config);
    return placeOfUrl(text, io.cwd);
  }
  const name = text.slice('env:'.length);
  const url = io.env[name];
  if (url) return placeOfUrl(url, io.cwd);
  throw usage(`the environment variable ${name} is not set`, 'Set it to the URL, or give the URL itself.');
}

/** Only functions on AWS read secrets there. @throws E_CONFIG */
function refuseSecret({ name, kind, secret }: NamedSource): void {
  if (secret === undefined || !pluginNamed(kind)?.isUrlInSecret) return;
  throw new HoldfastError(
    'E_CONFIG',
    `the URL of ${name} is in an AWS secret, which the command line does not read`,
    {
      hint: 'Put the URL into an environment variable, and give env:NAME instead.',
    },
  );
}

/** A path has a `/` or a `.`, or begins with `files:`; anything else is a name, and must be configured. @throws E_USAGE */
function refuseName(text: string, { sources, targets }: ResolvedConfig): void {
  if (/[/\\.]|^files:/.test(text)) return;
  const names = [...sources, ...targets].map(({ name }) => name);
  const meant = nearest(text, names);
  const known =
    names.length > 0 ? `Configured are ${names.join(', ')}.` : 'No source or target is configured.';
  throw usage(
    `'${text}' is neither a configured source nor a configured target`,
    `${meant === undefined ? known : `Did you mean ${meant}?`} A file or folder is ./${text}.`,
  );
}

/**
 * Where drills of that kind of source run: from the command line, else from the configuration.
 *
 * @throws E_CONFIG if neither says
 */
export function drillServer(
  kind: string,
  given: string | undefined,
  config: ResolvedConfig,
  io: Io,
): SourceConfig {
  if (given !== undefined) return findPlace(given, config, io);
  const server = config.drill[kind];
  if (server) {
    const { url, secret } = server;
    if (secret !== undefined) refuseSecret({ name: `drill.${kind}`, kind, ...server });
    const isNamed = url.startsWith('env:') || config.sources.some(({ name }) => name === url);
    if (!isNamed) return placeIn({ kind, url, options: server.options }, io.cwd, io.env);
    const place = findPlace(url, config, io);
    return { ...place, kind, options: { ...place.options, ...server.options } };
  }
  throw new HoldfastError('E_CONFIG', `no place is configured for drills of ${kind} sources`, {
    hint: pluginOf(kind).drillHint,
  });
}

/** The source to back up if none was named. @throws E_CONFIG */
export function defaultSource({
  sources,
  defaultSource: given,
}: ResolvedConfig): string | readonly NamedSource[] {
  if (given !== undefined) return given;
  const [only, ...others] = sources;
  if (only && others.length === 0) return only.name;
  return sources;
}

/** Who signs, with the private key if that is in a file. @throws E_NO_KEY */
export async function signingOf(
  { signing }: Pick<ResolvedConfig, 'signing'>,
  io: Io,
): Promise<ResolvedConfig['signing'] & { readonly pem: string | undefined }> {
  return { ...signing, pem: await readKeyFile(signing.keyFile, io) };
}

/** The key in a file; warns if others can read it. @throws E_NO_KEY */
export async function readKeyFile(keyFile: string | undefined, io: Io): Promise<string | undefined> {
  if (keyFile === undefined) return undefined;
  const file = path.resolve(io.cwd, keyFile);
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0)
      io.stderr.write(`warning: ${file} can be read by others; run: chmod 600 ${file}\n`);
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new HoldfastError(
      'E_NO_KEY',
      `the key file ${file} cannot be read (${(cause as NodeJS.ErrnoException).code ?? ''})`,
      {
        cause,
        hint: 'Restore the key file from your copy of it.',
      },
    );
  }
}
