import path from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import { FilesScratchServer } from '../../sources/files/scratch.ts';
import { FilesSource } from '../../sources/files/source.ts';
import { FilesTarget } from '../../sources/files/target.ts';
import type { ScratchServer } from '../../sources/scratch.ts';
import type { Source } from '../../sources/source.ts';
import type { SourceKind } from '../../sources/source-kind.ts';
import type { Target } from '../../sources/target.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** One source of the configuration, or what a URL on the command line means. */
export interface SourceConfig {
  readonly kind: SourceKind;
  /** Connection string or path. May hold a secret: never printed. */
  readonly url: string;
  /** Adapter settings, checked by the adapter. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

interface Adapter {
  openSource(config: SourceConfig, env: Env): Promise<Source>;
  openTarget(config: SourceConfig, env: Env): Promise<Target>;
  openScratch(config: SourceConfig, env: Env): Promise<ScratchServer>;
}

/** Every kind of source there is: a new one is a folder below `sources/` and an entry here. Drivers load when used. */
const ADAPTERS: Readonly<Record<SourceKind, Adapter>> = {
  files: {
    openSource: async ({ url }) => new FilesSource(filePath(url)),
    openTarget: async ({ url }) => new FilesTarget(filePath(url)),
    openScratch: async ({ url }) => new FilesScratchServer(filePath(url)),
  },
  'firebase-rtdb': {
    openSource: async ({ url, options }, env) =>
      (await import('../../sources/firebase-rtdb/source.ts')).openFirebaseSource(url, options, env),
    openTarget: async ({ url, options }, env) =>
      (await import('../../sources/firebase-rtdb/target.ts')).openFirebaseTarget(url, options, env),
    openScratch: async ({ url, options }, env) =>
      (await import('../../sources/firebase-rtdb/scratch.ts')).openFirebaseScratch(url, options, env),
  },
  postgres: {
    openSource: async ({ url, options }, env) =>
      (await import('../../sources/postgres/source.ts')).openPostgresSource(url, options, env),
    openTarget: async ({ url, options }, env) =>
      (await import('../../sources/postgres/target.ts')).openPostgresTarget(url, options, env),
    openScratch: async ({ url, options }, env) =>
      (await import('../../sources/postgres/scratch.ts')).openPostgresScratch(url, options, env),
  },
};

/** @throws E_CONFIG listing every problem of its settings */
export function openSource(config: SourceConfig, env: Env): Promise<Source> {
  return ADAPTERS[config.kind].openSource(config, env);
}

/** @throws E_CONFIG listing every problem of its settings */
export function openTarget(config: SourceConfig, env: Env): Promise<Target> {
  return ADAPTERS[config.kind].openTarget(config, env);
}

/** A kind of source that this release knows. @throws E_SOURCE_UNSUPPORTED */
export function knownKind(kind: string): SourceKind {
  if (Object.hasOwn(ADAPTERS, kind)) return kind as SourceKind;
  throw new HoldfastError('E_SOURCE_UNSUPPORTED', `this release does not know sources of kind '${kind}'`, {
    hint: 'Install the newest release, or restore to a folder.',
  });
}

/** Where drills of a kind of source make their scratch targets. @throws E_CONFIG listing every problem of its settings */
export function openScratch(config: SourceConfig, env: Env): Promise<ScratchServer> {
  return ADAPTERS[config.kind].openScratch(config, env);
}

const FIREBASE_URL =
  /^(firebase-rtdb:)?https?:\/\/([^/?#]+\.(firebaseio\.com|firebasedatabase\.app)|localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?([/?#]|$)/;

/**
 * `postgres://…`, `postgresql://…`, `https://NAME.firebaseio.com`, `https://NAME.REGION.firebasedatabase.app`, a Firebase
 * server of this machine (`http://127.0.0.1:9000`), `files:PATH`, or a plain path.
 */
export function kindOfUrl(url: string): SourceKind {
  if (FIREBASE_URL.test(url)) return 'firebase-rtdb';
  return /^postgres(ql)?:\/\//.test(url) ? 'postgres' : 'files';
}

export function filePath(url: string): string {
  return url.startsWith('files:') ? url.slice('files:'.length) : url;
}

/**
 * What a URL or a path means; paths are whole then.
 *
 * @param cwd where paths begin
 * @throws E_USAGE; only the scheme of a URL is in the message
 */
export function placeOfUrl(url: string, cwd: string): SourceConfig {
  const kind = kindOfUrl(url);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1];
  if (scheme !== undefined && kind === 'files')
    throw new HoldfastError('E_USAGE', `${scheme}:// is no kind of database that this release knows`, {
      hint: 'Give postgres://…, https://NAME.firebaseio.com, a name from the configuration, or a path without ://.',
    });
  return { kind, url: kind === 'files' ? path.resolve(cwd, filePath(url)) : url, options: {} };
}
