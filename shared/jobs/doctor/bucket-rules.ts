import { HoldfastError } from '../../core/errors.ts';
import type { BucketDanger } from '../../store/bucket-rules.ts';
import { openBucketRules, type StoreConfig } from '../../store/open-store.ts';

/** What the rules of the repository's bucket do to it. */
export interface BucketCheck {
  readonly dangers: readonly BucketDanger[];
  /** Why they could not be read; null if they were, or if there are none, as for a folder. */
  readonly unread: string | null;
}

/**
 * Lifecycle rules of a bucket can silently remove backups, or move them to where nobody can read them.
 * @throws E_CONFIG, E_ABORTED
 */
export async function checkBucket(config: StoreConfig, signal: AbortSignal): Promise<BucketCheck> {
  const rules = await openBucketRules(config, signal);
  return { dangers: rules?.dangers ?? [], unread: rules?.unread ?? null };
}

/** @throws E_UNSAFE_BUCKET if a rule removes or archives what is needed */
export function refuseUnsafe({ dangers }: BucketCheck, { repository }: StoreConfig): void {
  const worst = dangers.filter(({ effect }) => effect !== 'one-zone');
  if (worst.length === 0) return;
  const place = repository.replace(/\/+$/, '');
  throw new HoldfastError(
    'E_UNSAFE_BUCKET',
    `the bucket of ${place} would lose backups: ${worst.map(({ problem }) => problem).join('; ')}`,
    {
      hint: `Use a prefix without such a rule, such as ${place}/holdfast, or another bucket; or remove the rule: \`aws s3api get-bucket-lifecycle-configuration\` shows it, docs/guide/moving-from-the-original.md explains it.`,
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
          `the lifecycle rules of the bucket cannot be read (${unread}): allow s3:GetLifecycleConfiguration, or check yourself that none removes or archives backups`,
        ]),
  ];
}
