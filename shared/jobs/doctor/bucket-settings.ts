import { isHoldfastError } from '../../core/errors.ts';
import { type CheckResult, differs, holds } from '../../sources/source-checks.ts';
import { type StoreConfig, s3Connection } from '../../store/open-store.ts';
import type { S3Settings } from '../../store/s3-settings.ts';
import { checkBucket } from './bucket-rules.ts';
import type { BucketLook, StoreCheck } from './store-look.ts';

/** The bucket's settings. Functions may not read them, and need not. */
export const SETTINGS: readonly StoreCheck<BucketLook>[] = [
  {
    name: 'versioning',
    assumes: 'Removed or replaced objects can be recovered.',
    neededFor: 'information',
    follows: 'An object that somebody removes is gone.',
    needs: 'bucket',
    look: ({ config }, signal) =>
      unlessDenied(config, 'versioning', 's3:GetBucketVersioning', async (settings) => {
        if (await settings.isVersioned(signal)) return holds('on');
        return differs('off: an object that somebody removes or replaces is gone', {
          code: 'E_UNSAFE_BUCKET',
          fix: `Turn it on: aws s3api put-bucket-versioning --bucket ${bucketOf(config.repository)} --versioning-configuration Status=Enabled`,
        });
      }),
  },
  {
    name: 'lifecycle',
    assumes: 'No rule of the bucket removes or archives what backups need.',
    neededFor: 'backup',
    follows: 'Backups would be lost silently.',
    needs: 'bucket',
    look: async ({ config }, signal) => {
      const { dangers, unread } = await checkBucket(config, signal);
      if (unread !== null)
        return differs(`the rules cannot be read: ${unread}`, {
          isMinor: true,
          code: 'E_STORE_DENIED',
          fix: 'Allow s3:GetLifecycleConfiguration, or check yourself that no rule removes or archives backups.',
        });
      if (dangers.length === 0) return holds('no rule touches backups');
      return differs(dangers.map(({ problem }) => problem).join('; '), {
        isMinor: dangers.every(({ effect }) => effect === 'one-zone'),
        code: 'E_UNSAFE_BUCKET',
        fix: `Remove the rule (aws s3api get-bucket-lifecycle-configuration --bucket ${bucketOf(config.repository)} shows it), or use a prefix that it does not touch.`,
      });
    },
  },
  {
    name: 'policy',
    assumes: 'The bucket is not public.',
    neededFor: 'information',
    follows: 'Others could read or remove what is stored.',
    needs: 'bucket',
    look: ({ config }, signal) =>
      unlessDenied(
        config,
        'the bucket policy',
        's3:GetBucketPolicy and s3:GetBucketPolicyStatus',
        async (settings) => {
          const { text, isPublic } = await settings.policy(signal);
          if (isPublic)
            return differs('the policy opens the bucket to everybody', {
              code: 'E_UNSAFE_BUCKET',
              fix: `Block it: aws s3api put-public-access-block --bucket ${bucketOf(config.repository)} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`,
            });
          if (text === undefined) return holds('none');
          return holds(text.includes('s3:if-none-match') ? 'refuses to replace objects' : 'not public');
        },
      ),
  },
  {
    name: 'object-lock',
    assumes: 'Object Lock is set as configured.',
    neededFor: 'backup',
    follows: 'Anybody who may remove objects can remove backups.',
    needs: 'bucket',
    look: ({ config, wantsLock }, signal) =>
      unlessDenied(config, 'Object Lock', 's3:GetBucketObjectLockConfiguration', async (settings) => {
        const lock = await settings.objectLock(signal);
        if (lock) {
          const { mode, days } = lock;
          return holds(mode === undefined ? 'on, without a default' : `on, ${mode} for ${days} days`);
        }
        if (!wantsLock) return holds('off, as configured');
        return differs('off, but locks are configured', {
          code: 'E_CONFIG',
          fix: `Turn it on: aws s3api put-object-lock-configuration --bucket ${bucketOf(config.repository)} (needs versioning), or remove the lock from the configuration.`,
        });
      }),
  },
];

function bucketOf(repository: string): string {
  return new URL(repository).hostname;
}

/** A setting that cannot be read is less than well: somebody else must check it. */
async function unlessDenied(
  config: StoreConfig,
  what: string,
  action: string,
  look: (settings: S3Settings) => Promise<CheckResult>,
): Promise<CheckResult> {
  const { S3Settings } = await import('../../store/s3-settings.ts');
  using settings = new S3Settings(s3Connection(config));
  try {
    return await look(settings);
  } catch (error) {
    if (!isHoldfastError(error, 'E_STORE_DENIED')) throw error;
    return differs(`these credentials may not read ${what}`, {
      isMinor: true,
      code: error.code,
      fix: `Allow ${action}, or ask somebody who may to check.`,
    });
  }
}
