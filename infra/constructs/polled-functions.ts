import type { Construct } from 'constructs';
import type { HoldfastConfig, ResolvedConfig } from '../../shared/config/config.ts';
import { changesFolder } from '../../shared/core/changes-folder.ts';
import { loginsOf } from './database-logins.ts';
import { functionConfig } from './function-settings.ts';
import type { FunctionNetwork } from './job-function.ts';
import type { JobStatementsOptions } from './job-statements.ts';

/** What functions are made with. */
export interface MadeFunctions {
  readonly network: FunctionNetwork | undefined;
  readonly statements: JobStatementsOptions;
  readonly environment: Readonly<Record<string, string>>;
}

/** The same for what polls one source, and for what watches all that are polled. */
export interface MadeForPolls {
  readonly polled: readonly (MadeFunctions & { readonly name: string; readonly everyMs: number })[];
  readonly watchdog: MadeFunctions;
}

/** Each gets the logins, and the part of the configuration, of its own sources alone. */
export function madeForPolls(
  scope: Construct,
  {
    file,
    config,
    made,
  }: { readonly file: HoldfastConfig; readonly config: ResolvedConfig; readonly made: MadeFunctions },
): MadeForPolls {
  const polled = config.sources.filter(({ continuous }) => continuous !== undefined);
  const madeFor = (sources: ResolvedConfig['sources'], changes?: string): MadeFunctions => ({
    network: made.network,
    statements: {
      ...made.statements,
      logins: loginsOf(scope, { ...config, sources, targets: [], drill: {} }),
      place: { ...made.statements.place, sources: sources.map(({ name }) => name), changes },
    },
    environment: { ...made.environment, HOLDFAST_CONFIG: configOf(file, sources) },
  });
  return {
    polled: polled.map((source) => ({
      name: source.name,
      everyMs: source.continuous?.everyMs ?? 0,
      ...madeFor([source], `${changesFolder(source)}*`),
    })),
    watchdog: madeFor(polled),
  };
}

/** Schedules may name other sources, and copies and drills are no matter of theirs. */
function configOf(file: HoldfastConfig, sources: ResolvedConfig['sources']): string {
  const { targets: _, drill: __, schedules: ___, copy: ____, aws: _____, ...rest } = file;
  const own = Object.entries(file.sources ?? {}).filter(([name]) => sources.some((one) => one.name === name));
  return functionConfig({ ...rest, sources: Object.fromEntries(own) });
}
