import { HoldfastError } from '../../core/errors.ts';
import type { BucketDanger } from '../../store/bucket-rules.ts';
import { openBucketRules, type StoreConfig } from '../../store/open-store.ts';

/** What the rules of the bucket that a repository is in are for it. */
export interface BucketCheck {
  readonly dangers: readonly BucketDanger[];
  /** Why they could not be read; null where they were, or where there are none, as in a folder. */
  readonly unread: string | null;
}

/** Rules of a bucket can remove backups, or move them to where nobody can read them, without a word. @throws E_CONFIG, E_ABORTED */
export async function checkBucket(config: StoreConfig, signal: AbortSignal): Promise<BucketCheck> {
  const rules = await openBucketRules(config, signal);
  return { dangers: rules?.dangers ?? [], unread: rules?.unread ?? null };
}

/** @throws E_UNSAFE_BUCKET where a rule removes or archives what is needed */
export function refuseUnsafe({ dangers }: BucketCheck, { repository }: StoreConfig): void {
  const worst = dangers.filter(({ effect }) => effect !== 'one-zone');
  if (worst.length === 0) return;
  const place = repository.replace(/\/+$/, '');
  throw new HoldfastError(
    'E_UNSAFE_BUCKET',
    `the bucket of ${place} would lose backups: ${worst.map(({ problem }) => problem).join('; ')}`,
    {
      hint: `Use a prefix that no such rule has, such as ${place}/holdfast, or another bucket; or take the rule off: \`aws s3api get-bucket-lifecycle-configuration\` shows it, docs/guide/moving-from-the-original.md says more.`,
      details: { rules: worst.map(({ rule }) => rule).join(', ') },
    },
  );
}

/** Sentences for people. */
export function bucketWarnings({ dangers, unread }: BucketCheck): readonly string[] {
  return [
    ...dangers.map(({ problem }) => problem),
    ...(unread === null
      ? []
      : [
          `the lifecycle rules of the bucket cannot be read (${unread}): allow s3:GetLifecycleConfiguration, or see for yourself that none removes or archives backups`,
        ]),
  ];
}
