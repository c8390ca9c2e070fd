import type { HoldfastConfig, ResolvedConfig } from '../../shared/config/config.ts';
import { pluginNamed } from '../../shared/sources/registry.ts';
import type { BackupStorage } from './backup-storage.ts';

/** A deployment that makes a bucket with locks also renews those locks. */
export function withLock(config: HoldfastConfig, { lockMode }: BackupStorage): HoldfastConfig {
  return config.lock || !lockMode ? config : { ...config, lock: { mode: lockMode } };
}

/** A function has no disk and no shell environment: everything it needs must be in the configuration. @throws if it is not */
export function checkConfig({ sources, targets, signing }: ResolvedConfig): void {
  if (signing.keyFile !== undefined)
    throw new Error(
      'signing.keyFile is set, but functions have no files; name a KMS key with signing.kmsKey',
    );
  if (signing.kmsKey !== undefined && !/^(arn:[a-z-]+:kms:|\$\{Token\[)/.test(signing.kmsKey))
    throw new Error(
      `signing.kmsKey is '${signing.kmsKey}'; on AWS give the ARN of the key, so that roles can name it`,
    );
  if (sources.length === 0) throw new Error('sources is empty: there is nothing to back up');
  const files = [...sources, ...targets]
    .filter(({ kind }) => pluginNamed(kind)?.isOnDisk)
    .map(({ name }) => name);
  if (files.length > 0)
    throw new Error(`${files.join(', ')}: a function has no files to back up or restore to`);
  const plain = [...sources, ...targets].find(({ url }) => /^[a-z]+:\/\/[^/@]*:[^/@]+@/i.test(url));
  if (plain)
    throw new Error(
      `${plain.name}: its url contains a password; put it into a secret, and set that as secret`,
    );
  const never = sources.find(({ kind, continuous }) => continuous && !pluginNamed(kind)?.changes);
  if (never)
    throw new Error(
      `${never.name} has continuous, but ${pluginNamed(never.kind)?.displayName ?? never.kind} cannot be backed up continuously; back it up more often instead`,
    );
}
