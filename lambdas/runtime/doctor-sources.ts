import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { DoctorGroup } from '../../shared/jobs/doctor/row.ts';
import { examinedPlace } from './doctor-places.ts';

/** Databases that are backed up. */
export function examinedSources({ sources }: ResolvedConfig): DoctorGroup[] {
  return sources.map((source) => examinedPlace(source.name, source, 'backup'));
}
