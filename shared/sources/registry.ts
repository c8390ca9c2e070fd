import type * as z from 'zod';
import { HoldfastError } from '../core/errors.ts';
import { filesPlugin } from './files/plugin.ts';
import { firebasePlugin } from './firebase-rtdb/plugin.ts';
import { mysqlPlugin } from './mysql/plugin.ts';
import type { Env, OpenedSecret, SecretText, SourcePlugin } from './plugin.ts';
import { postgresPlugin } from './postgres/plugin.ts';
import { wholeUrl } from './rds/secret.ts';

/**
 * Every kind of database that this release knows; nothing else names one. A new kind is a folder beside this file and a line here.
 * URLs are offered to them in this order: `files` takes any path, so it stands last.
 */
export const PLUGINS = [
  postgresPlugin,
  mysqlPlugin,
  firebasePlugin,
  filesPlugin,
] as const satisfies readonly SourcePlugin[];

/** The same, for what asks of all kinds alike. */
export const KINDS: readonly SourcePlugin[] = [...PLUGINS];

/** Undefined for a kind that this release does not know, such as that of a backup of a newer one. */
export function pluginNamed(kind: string): SourcePlugin | undefined {
  return KINDS.find((plugin) => plugin.kind === kind);
}

/** @throws E_SOURCE_UNSUPPORTED */
export function pluginOf(kind: string): SourcePlugin {
  const plugin = pluginNamed(kind);
  if (plugin) return plugin;
  throw new HoldfastError('E_SOURCE_UNSUPPORTED', `this release does not know sources of kind '${kind}'`, {
    hint: 'Install the newest release, or restore to a folder.',
  });
}

/** The kind that a URL or path is of; undefined for a URL of none. */
export function pluginOfUrl(url: string): SourcePlugin | undefined {
  return KINDS.find((plugin) => plugin.isUrl(url));
}

/** URL and environment of a place whose login is in a secret of AWS. @throws what `secret.bad` gives */
export function openSecret(kind: string, secret: SecretText): OpenedSecret {
  return pluginOf(kind).fromSecret?.(secret) ?? { url: wholeUrl(secret) };
}

/** The environment with what lies in a folder and is meant without being named, such as the file of a key. */
export function environmentIn(env: Env, folder: string): Env {
  return KINDS.reduce((given, plugin) => plugin.environmentIn?.(given, folder) ?? given, env);
}

/** Options of restores that only some kinds know, by name. */
export function allRestoreOptions(): ReadonlyMap<
  string,
  NonNullable<SourcePlugin['restoreOptions']>[string]
> {
  return new Map(KINDS.flatMap(({ restoreOptions = {} }) => Object.entries(restoreOptions)));
}

type Plugin = (typeof PLUGINS)[number];
type OptionsOf<P> =
  P extends SourcePlugin<string, z.ZodRawShape, z.ZodRawShape, infer Options>
    ? { readonly [Name in keyof Options]?: z.output<Options[Name]['schema']> | undefined }
    : never;
type Together<Union> = (Union extends unknown ? (each: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;

/** Options of restores that only some kinds of target know, as their plugins state them. */
export type SpecialRestoreOptions = Together<OptionsOf<Plugin>>;
