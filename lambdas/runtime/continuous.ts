import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { ContinuousSettings } from '../../shared/config/continuous.ts';
import type { NamedSource } from '../../shared/config/named-source.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { findNamed } from './places.ts';

/** A source whose changes are stored. */
export type ContinuousSource = NamedSource & { readonly continuous: ContinuousSettings };

/** All of these. */
export function continuousSources({ sources }: ResolvedConfig): readonly ContinuousSource[] {
  return sources.filter((source): source is ContinuousSource => source.continuous !== undefined);
}

/** @throws E_USAGE for an unknown name, E_CONFIG if its changes are not stored */
export function continuousSource(name: string, { sources }: ResolvedConfig): ContinuousSource {
  const source = findNamed(name, sources, 'source');
  const { continuous } = source;
  if (continuous) return { ...source, continuous };
  throw new HoldfastError('E_CONFIG', `${name} is not backed up continuously`, {
    hint: `Set continuous: {} of ${name} in holdfast.config.ts and deploy.`,
  });
}
