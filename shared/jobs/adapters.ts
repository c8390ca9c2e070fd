import type { Source, SourceKind } from '../sources/source.ts';
import type { Exporter, Target } from '../sources/target.ts';

/**
 * One source of the configuration, or what a URL on the command line means:
 * `postgres://…` (or `postgresql://…`), a `files:` path or plain path.
 */
export interface SourceConfig {
  readonly kind: SourceKind;
  /** Connection string or path. May hold a secret: never printed. */
  readonly url: string;
  /** Adapter settings, checked by the adapter: `tls`, `caFile`, `auth`, `readers` … */
  readonly options: Readonly<Record<string, string | number | boolean>>;
}

export declare function openSource(
  config: SourceConfig,
  env: Readonly<Record<string, string | undefined>>,
): Source;
export declare function openTarget(
  config: SourceConfig,
  env: Readonly<Record<string, string | undefined>>,
): Target;
export declare function exporterFor(kind: SourceKind): Exporter;
