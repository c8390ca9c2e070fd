import { HoldfastError } from '../core/errors.ts';
import { FilesSource } from '../sources/files/files-source.ts';
import { FilesTarget } from '../sources/files/files-target.ts';
import { exportPostgres } from '../sources/postgres/export.ts';
import { openPostgresSource } from '../sources/postgres/source.ts';
import { openPostgresTarget } from '../sources/postgres/target.ts';
import type { Source, SourceKind } from '../sources/source.ts';
import type { Exporter, Target } from '../sources/target.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** One source of the configuration, or what a URL on the command line means. */
export interface SourceConfig {
  readonly kind: SourceKind;
  /** Connection string or path. May hold a secret: never printed. */
  readonly url: string;
  /** Adapter settings, checked by the adapter. */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

interface Adapter {
  openSource(config: SourceConfig, env: Env): Source;
  openTarget(config: SourceConfig, env: Env): Target;
  readonly exporter: Exporter;
}

/** Every kind of source there is: a new one is a folder below `sources/` and a line here. */
const ADAPTERS: Readonly<Record<SourceKind, Adapter>> = {
  files: {
    openSource: ({ url }) => new FilesSource(filePath(url)),
    openTarget: ({ url }) => new FilesTarget(filePath(url)),
    exporter: () => {
      throw new HoldfastError('E_USAGE', 'a backup of files has no export format', {
        hint: 'Restore it to a folder: `holdfast restore KEY --to ./folder`.',
      });
    },
  },
  postgres: {
    openSource: ({ url, options }, env) => openPostgresSource(url, options, env),
    openTarget: ({ url, options }, env) => openPostgresTarget(url, options, env),
    exporter: exportPostgres,
  },
};

export function openSource(config: SourceConfig, env: Env): Source {
  return ADAPTERS[config.kind].openSource(config, env);
}

export function openTarget(config: SourceConfig, env: Env): Target {
  return ADAPTERS[config.kind].openTarget(config, env);
}

/** @throws E_SOURCE_UNSUPPORTED for a kind that this release does not know */
export function exporterFor(kind: string): Exporter {
  const adapter = kind in ADAPTERS ? ADAPTERS[kind as SourceKind] : undefined;
  if (adapter) return adapter.exporter;
  throw new HoldfastError('E_SOURCE_UNSUPPORTED', `this release does not know sources of kind '${kind}'`, {
    hint: 'Install the newest release, or restore to a folder.',
  });
}

/** `postgres://…`, `postgresql://…`, `files:PATH`, or a plain path. */
export function kindOfUrl(url: string): SourceKind {
  return /^postgres(ql)?:\/\//.test(url) ? 'postgres' : 'files';
}

function filePath(url: string): string {
  return url.startsWith('files:') ? url.slice('files:'.length) : url;
}
