import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { NamedSource } from '../../shared/config/named-source.ts';
import type { DoctorGroup } from '../../shared/jobs/doctor/row.ts';
import { sourceGroup } from '../../shared/jobs/doctor/source-group.ts';
import { openChecks } from '../../shared/jobs/source/open-checks.ts';
import { pluginNamed } from '../../shared/sources/registry.ts';
import type { CheckUse } from '../../shared/sources/source-checks.ts';
import { openPlace } from './places.ts';

type Place = Omit<NamedSource, 'name'>;

/** A database that a function logs in to, for the doctor. */
export function examinedPlace(name: string, place: Place, use: CheckUse): DoctorGroup {
  return sourceGroup({
    name,
    use,
    hasSecret: place.secret !== undefined,
    open: async (signal) => {
      const { config, env } = await openPlace(place, signal);
      return openChecks(config, env);
    },
  });
}

/** Databases that restores may write to, of kinds that are looked at for it. */
export function examinedTargets({ targets }: ResolvedConfig): DoctorGroup[] {
  return targets
    .filter(({ kind }) => isExamined(kind, 'restore'))
    .map((target) => examinedPlace(target.name, target, 'restore'));
}

/** Servers that drills make databases on, of kinds that are looked at for it. */
export function examinedDrills({ drill }: ResolvedConfig): DoctorGroup[] {
  const servers = Object.entries(drill).flatMap(([kind, server]) =>
    server && isExamined(kind, 'drill') ? [{ kind, ...server }] : [],
  );
  return servers.map((place) =>
    examinedPlace(servers.length > 1 ? `drill-${place.kind}` : 'drill', place, 'drill'),
  );
}

function isExamined(kind: string, use: CheckUse): boolean {
  return pluginNamed(kind)?.examinedFor?.includes(use) ?? use === 'backup';
}
