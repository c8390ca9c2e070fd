import * as z from 'zod';
import type { ResolvedConfig } from '../../shared/config/config.ts';
import { isSecretArn } from '../../shared/config/named-source.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { recordMask } from '../../shared/jobs/mask/mask-records.ts';
import { parseMaskRules } from '../../shared/jobs/mask/rules.ts';
import type { BackupContents, StoredDataset } from '../../shared/sources/contents.ts';
import { readSecret } from './secrets.ts';

const Written = z.strictObject({ secret: z.string(), rules: z.unknown() });

/** What masks the records of a dataset. */
type DatasetMask = (
  contents: BackupContents,
  dataset: StoredDataset,
) => Promise<(record: Uint8Array) => Uint8Array>;

/**
 * What masks the rows of a source for those who may not see them as they are: rules and secret are in the secret that `mask` of the
 * source names. A function has no file of rules.
 *
 * @returns undefined if nothing masks it
 * @throws E_CONFIG for a secret of another form, E_SOURCE_REFUSED if it cannot be read
 */
export async function sourceMask(
  source: string,
  { sources }: ResolvedConfig,
  signal: AbortSignal,
): Promise<DatasetMask | undefined> {
  const { mask } = sources.find(({ name }) => name === source) ?? {};
  if (mask === undefined || !isSecretArn(mask)) return undefined;
  const written = Written.safeParse(parsed(await readSecret(mask, signal)));
  if (!written.success)
    throw new HoldfastError('E_CONFIG', `the secret ${mask} holds no masking rules`, {
      hint: 'Store {"secret": "…", "rules": {"version": 1, "tables": …}} (docs/guide/look-inside.md).',
    });
  const { secret } = written.data;
  const rules = parseMaskRules(written.data.rules, `the rules in ${mask}`);
  return (contents, dataset) => recordMask(contents, dataset, { rules, secret }, signal);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
