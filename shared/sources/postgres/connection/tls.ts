import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { HoldfastError } from '../../../core/errors.ts';
import { isRdsHost } from '../../rds/hosts.ts';
import type { TlsOptions } from './options.ts';

/**
 * What to try, in order: TLS settings, or false for plain text. Modes mean what they mean to libpq;
 * `require` with an authority's certificates checks them, as libpq does.
 */
export async function tlsAttempts(
  tls: TlsOptions,
  host: string,
): Promise<readonly (ConnectionOptions | false)[]> {
  if (tls.mode === 'disable') return [false];
  const settings = { ...(await readFiles(tls)), ...(await amazonsAuthorities(tls, host)) };
  switch (tls.mode) {
    case 'allow':
      return [false, { ...settings, rejectUnauthorized: false }];
    case 'prefer':
      return [{ ...settings, rejectUnauthorized: false }, false];
    case 'require':
      return [settings.ca === undefined ? { ...settings, rejectUnauthorized: false } : anyHost(settings)];
    case 'verify-ca':
      return [anyHost(settings)];
    case 'verify-full':
      return [settings];
  }
}

function anyHost(settings: ConnectionOptions): ConnectionOptions {
  return { ...settings, checkServerIdentity: () => undefined };
}

/** RDS has authorities of its own: they are used if certificates are checked and no others are named. */
async function amazonsAuthorities({ mode, caFile }: TlsOptions, host: string): Promise<ConnectionOptions> {
  const isChecked = mode === 'verify-ca' || mode === 'verify-full';
  if (caFile !== undefined || !isChecked || !isRdsHost(host)) return {};
  const { rdsAuthorities } = await import('../../rds/authorities.ts');
  return { ca: [...rdsAuthorities(host)] };
}

async function readFiles({ caFile, certFile, keyFile }: TlsOptions): Promise<ConnectionOptions> {
  return {
    minVersion: 'TLSv1.2',
    ...(caFile !== undefined && caFile !== 'system' && { ca: await readPem(caFile, 'sslrootcert') }),
    ...(certFile !== undefined && { cert: await readPem(certFile, 'sslcert') }),
    ...(keyFile !== undefined && { key: await readPem(keyFile, 'sslkey') }),
  };
}

async function readPem(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new HoldfastError('E_CONFIG', `${setting}: the file ${path} cannot be read`, { cause });
  }
}
