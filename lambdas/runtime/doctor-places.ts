import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { NamedSource } from '../../shared/config/named-source.ts';
import type { DoctorGroup } from '../../shared/jobs/doctor/row.ts';
import { type ExaminedPlace, sourceGroup } from '../../shared/jobs/doctor/source-group.ts';
import { openServerChecks } from '../../shared/jobs/source/open-server-checks.ts';
import { openPlace } from './places.ts';

type Place = Omit<NamedSource, 'name'>;
type OpenChecks = typeof openServerChecks;

/** A database that a function logs in to, as a doctor looks at it. */
export function examinedPlace(
  name: string,
  place: Place,
  { use, open }: { readonly use: ExaminedPlace['use']; readonly open: OpenChecks },
): DoctorGroup {
  return sourceGroup({
    name,
    use,
    hasSecret: place.secret !== undefined,
    open: async (signal) => {
      const { config, env } = await openPlace(place, signal);
      return open(config, env);
    },
  });
}

/** Servers of PostgreSQL that restores may write to. */
export function examinedTargets({ targets }: ResolvedConfig): DoctorGroup[] {
  return targets
    .filter(({ kind }) => kind === 'postgres')
    .map((target) => examinedPlace(target.name, target, { use: 'restore', open: openServerChecks }));
}

/** The server of PostgreSQL that drills make databases on. */
export function examinedDrills({ drill: { postgres } }: ResolvedConfig): DoctorGroup[] {
  if (!postgres) return [];
  const place = { kind: 'postgres', ...postgres } as const;
  return [examinedPlace('drill', place, { use: 'drill', open: openServerChecks })];
}
