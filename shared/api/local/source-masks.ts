import path from 'node:path';
import { isSecretArn, type NamedSource } from '../../config/named-source.ts';
import { HoldfastError } from '../../core/errors.ts';
import { recordMask } from '../../jobs/mask/mask-records.ts';
import { readMaskRules } from '../../jobs/mask/rules.ts';
import type { DatasetMask } from './options.ts';

/** Holds the secret of masks. */
const SECRET_VARIABLE = 'HOLDFAST_MASK_SECRET';

/**
 * What masks the rows of sources by their files of rules. A file is read for each look: a rule that was added counts at once.
 *
 * @param folder where relative paths begin
 */
export function sourceMasks(
  sources: readonly Pick<NamedSource, 'name' | 'mask'>[],
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): (source: string) => DatasetMask | undefined {
  const files = new Map<string, string>(
    sources.flatMap(({ name, mask }) => (mask === undefined ? [] : [[name, mask] as const])),
  );
  return (source) => {
    const file = files.get(source);
    if (file === undefined) return undefined;
    return async (contents, dataset, signal) => {
      if (isSecretArn(file))
        throw new HoldfastError(
          'E_CONFIG',
          `the masking rules of ${source} are in a secret, which only functions on AWS read`,
          {
            hint: 'For an API of your own, name a file of rules as `mask` of the source.',
          },
        );
      const secret = env[SECRET_VARIABLE];
      if (!secret)
        throw new HoldfastError('E_CONFIG', `${SECRET_VARIABLE} is not set: masks need a secret`, {
          hint: 'Make one with `openssl rand -hex 32`, and set it where the API runs.',
        });
      const rules = await readMaskRules(path.resolve(folder, file));
      return recordMask(contents, dataset, { rules, secret }, signal);
    };
  };
}
