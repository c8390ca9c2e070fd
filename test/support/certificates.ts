import { execFileSync } from 'node:child_process';
import { chown, copyFile } from 'node:fs/promises';
import path from 'node:path';

const NOBODY = 65534;
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Makes an authority of the test's own: `ca.crt`, `ca.key`. */
export function makeAuthority(folder: string, name = 'An authority of our own'): void {
  const files = ['-keyout', 'ca.key', '-out', 'ca.crt'];
  openssl(folder, 'req', '-x509', ...EC, '-days', '3650', ...files, '-subj', `/CN=${name}`);
}

/**
 * Makes a server's certificate of that authority: `NAME.crt`, `NAME.key`.
 *
 * @param days from now that it is good for; below 0 it has expired
 */
export function makeCertificate(
  folder: string,
  name: string,
  { host, days = 3650 }: { readonly host: string; readonly days?: number },
): void {
  const files = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
  const holder = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  openssl(folder, 'req', ...EC, ...files, ...holder);
  const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
  const made = ['-days', String(days), '-copy_extensions', 'copy', '-out', `${name}.crt`];
  openssl(folder, 'x509', '-req', '-in', `${name}.csr`, ...authority, ...made);
}

/** Puts a certificate where PostgreSQL looks for it, readable for it alone. */
export async function giveCertificate(folder: string, name: string, dataFolder: string): Promise<void> {
  for (const ending of ['crt', 'key']) {
    const placed = path.join(dataFolder, `server.${ending}`);
    await copyFile(path.join(folder, `${name}.${ending}`), placed);
    if (process.getuid?.() === 0) await chown(placed, NOBODY, NOBODY);
  }
}

function openssl(cwd: string, ...args: readonly string[]): void {
  execFileSync('openssl', args, { cwd, stdio: 'pipe' });
}
