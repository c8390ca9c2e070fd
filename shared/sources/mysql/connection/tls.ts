import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { HoldfastError } from '../../../core/errors.ts';
import { isRdsHost } from '../../rds/hosts.ts';
import type { TlsOptions } from './options.ts';

/** What to try, in order: TLS settings, or undefined for plain text. */
export async function tlsAttempts(
  { mode, caFile }: TlsOptions,
  host: string,
): Promise<readonly (ConnectionOptions | undefined)[]> {
  // TLS is for networks: a Unix socket goes without.
  if (mode === 'disable' || host.startsWith('/')) return [undefined];
  const isChecked = mode === 'verify-ca' || mode === 'verify-full';
  const settings: ConnectionOptions = {
    minVersion: 'TLSv1.2',
    ...(isChecked ? await authorities(caFile, host) : {}),
  };
  switch (mode) {
    case 'prefer':
      return [{ ...settings, rejectUnauthorized: false }, undefined];
    case 'require':
      return [{ ...settings, rejectUnauthorized: false }];
    case 'verify-ca':
      return [{ ...settings, checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [settings];
  }
}

/** RDS has authorities of its own: they are used if no others are named. */
async function authorities(caFile: string | undefined, host: string): Promise<ConnectionOptions> {
  if (caFile === 'system') return {};
  if (caFile !== undefined) return { ca: await readPem(caFile) };
  if (!isRdsHost(host)) return {};
  const { rdsAuthorities } = await import('../../rds/authorities.ts');
  return { ca: [...rdsAuthorities(host)] };
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new HoldfastError('E_CONFIG', `caFile: the file ${path} cannot be read`, { cause });
  }
}
