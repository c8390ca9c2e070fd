import type { ResolvedConfig } from '../shared/config/config.ts';
import { type ContinuousSettings, resolveContinuous } from '../shared/config/continuous.ts';
import { HoldfastError } from '../shared/core/errors.ts';
import type { SourceConfig } from '../shared/jobs/source/adapters.ts';
import type { Io } from './io.ts';
import { findPlace } from './load-config.ts';

/** A source whose changes are backed up. */
export interface ContinuousSource {
  readonly name: string;
  readonly kind: string;
  /** Read only when it is used: a source whose login functions alone may read can be looked at all the same. @throws E_CONFIG */
  readonly place: SourceConfig;
  readonly settings: ContinuousSettings;
  /** It has `continuous` in the configuration. */
  readonly isConfigured: boolean;
}

/** The source that is meant: the named one, or the only one with `continuous`, or the only one. @throws E_USAGE, E_CONFIG */
export function continuousSource(
  given: string | undefined,
  config: ResolvedConfig,
  io: Io,
): ContinuousSource {
  const { sources } = config;
  const continuous = sources.filter((source) => source.continuous !== undefined);
  const candidates = continuous.length > 0 ? continuous : sources;
  const source =
    given === undefined
      ? candidates.length === 1
        ? candidates[0]
        : undefined
      : sources.find(({ name }) => name === given);
  if (source)
    return {
      name: source.name,
      kind: source.kind,
      get place() {
        return findPlace(source.name, config, io);
      },
      settings: source.continuous ?? resolveContinuous(),
      isConfigured: source.continuous !== undefined,
    };
  const names = sources.map(({ name }) => name).join(', ');
  throw new HoldfastError('E_USAGE', problemOf(given, names), {
    hint: "Name it in the configuration: sources: { shop: { kind: …, url: 'env:…', continuous: {} } }, and pass --source NAME.",
  });
}

function problemOf(given: string | undefined, names: string): string {
  if (given !== undefined)
    return `'${given}' is not a source of the configuration, and continuous backup needs one${names ? `; there are ${names}` : ''}`;
  return names ? `several sources are configured: ${names}` : 'no source is configured';
}
