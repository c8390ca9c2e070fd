import type { ResolvedConfig } from '../../shared/config/config.ts';
import { openChangeSetup } from '../../shared/jobs/changes/openers.ts';
import type { DoctorGroup } from '../../shared/jobs/doctor/row.ts';
import { sourceGroup } from '../../shared/jobs/doctor/source-group.ts';
import { continuousSources } from './continuous.ts';
import { openPlace } from './places.ts';

/** What streams of changes rely on, of the sources that have them. */
export function examinedChanges(config: ResolvedConfig): DoctorGroup[] {
  return continuousSources(config).map((source) =>
    sourceGroup({
      name: source.name,
      hasSecret: source.secret !== undefined,
      open: async (opening) => {
        const { config: place, env } = await openPlace(source, opening);
        const setup = await openChangeSetup(place, env);
        return { kind: source.kind, name: source.name, run: ({ signal }) => setup.check(signal) };
      },
    }),
  );
}
