import { HoldfastError } from '../../core/errors.ts';
import { allRestoreOptions, pluginOf, type SpecialRestoreOptions } from '../../sources/registry.ts';
import type { RestoreOptions, Target } from '../../sources/target.ts';

type Special = Pick<RestoreOptions, 'special'>;

/** Options as targets and exporters take them: what only some kinds know is in `special`. */
export function withSpecial<Options extends SpecialRestoreOptions & Special>(
  given: Options,
): Omit<Options, keyof SpecialRestoreOptions> & Required<Special> {
  const known = allRestoreOptions();
  const isSpecial = ([name]: readonly [string, unknown]) => known.has(name);
  const entries = Object.entries(given);
  const common = Object.fromEntries(entries.filter((entry) => !isSpecial(entry)));
  const special = Object.fromEntries(entries.filter((entry) => isSpecial(entry) && entry[1] !== undefined));
  return { ...(common as Options), special: { ...given.special, ...special } };
}

/** @throws E_USAGE for an option that this kind of target does not know */
export function refuseUnknown(target: Target, { keepGoing, special = {} }: RestoreOptions): void {
  const given = Object.entries({ ...special, keepGoing }).find(
    ([name, value]) => value !== undefined && value !== false && !target.specialOptions?.includes(name),
  );
  if (given === undefined) return;
  throw new HoldfastError('E_USAGE', `a target of kind ${target.kind} has no option '${given[0]}'`, {
    hint: 'Leave the option out; `holdfast help restore` says which kinds know it.',
  });
}

/** @throws E_USAGE for an option that exports of this kind of source do not know */
export function refuseUnknownOfExport(kind: string, { special = {} }: Special): void {
  const { displayName, restoreOptions = {} } = pluginOf(kind);
  const given = Object.keys(special).find((name) => !restoreOptions[name]?.isForExports);
  if (given === undefined) return;
  throw new HoldfastError('E_USAGE', `an export of ${displayName} has no option '${given}'`, {
    hint: 'Leave the option out; `holdfast help export` says which kinds know it.',
  });
}

const OFFERED_HINT = 'GET /status lists in configured.kinds what a restore may have.';

/** Options as a request over the network gives them: only what the plugin offers there. @throws E_USAGE naming what is wrong */
export function refuseNotOffered(kind: string, given: Readonly<Record<string, unknown>> = {}): void {
  const { restoreOptions = {} } = pluginOf(kind);
  for (const [name, value] of Object.entries(given)) {
    const option = Object.hasOwn(restoreOptions, name) ? restoreOptions[name] : undefined;
    if (option?.label === undefined)
      throw new HoldfastError('E_USAGE', `options.${name} is not offered for targets of kind ${kind}`, {
        hint: OFFERED_HINT,
      });
    if (!option.schema.safeParse(value).success)
      throw new HoldfastError(
        'E_USAGE',
        `options.${name} is ${JSON.stringify(value)}, which is not allowed`,
        {
          hint: OFFERED_HINT,
        },
      );
  }
}
