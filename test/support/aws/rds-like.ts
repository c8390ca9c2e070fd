import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { giveCertificate, makeAuthority, makeCertificate } from '../certificates.ts';

const HOST = 'shop.c0ffee.eu-west-1.rds.amazonaws.com';
const AUTHORITIES = 'rds.authorities.json';

/** What makes a server of ours look like one of RDS: a name of theirs, and a certificate of a private authority. */
export interface RdsLike extends AsyncDisposable {
  readonly host: string;
  /** For `startPostgres`. */
  readonly server: {
    readonly prepare: (dataFolder: string) => Promise<void>;
    readonly settings: Readonly<Record<string, string>>;
  };
  /** Leads the name to this machine, in the processes that have it. */
  readonly env: Readonly<Record<string, string>>;
  /** A copy of built functions that ship that authority beside RDS's. */
  withAuthority(bundles: string): Promise<string>;
}

export async function rdsLike(): Promise<RdsLike> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-rds-like-'));
  makeAuthority(folder);
  makeCertificate(folder, 'server', { host: HOST });
  const names = path.join(folder, 'names.mjs');
  await writeFile(
    names,
    `import dns from 'node:dns';
const { lookup } = dns;
dns.lookup = (name, ...rest) => lookup(name === '${HOST}' ? '127.0.0.1' : name, ...rest);
`,
  );
  return {
    host: HOST,
    server: {
      prepare: (dataFolder) => giveCertificate(folder, 'server', dataFolder),
      settings: { ssl: 'on' },
    },
    env: { NODE_OPTIONS: `--import=${names}` },
    withAuthority: (bundles) => withAuthority(bundles, folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function withAuthority(bundles: string, folder: string): Promise<string> {
  const copy = path.join(folder, 'bundles');
  await cp(bundles, copy, { recursive: true });
  const pem = await readFile(path.join(folder, 'ca.crt'), 'utf8');
  const files = (await readdir(copy, { recursive: true })).filter(
    (file) => path.basename(file) === AUTHORITIES,
  );
  for (const file of files) {
    const place = path.join(copy, file);
    const shipped = JSON.parse(await readFile(place, 'utf8'));
    shipped.authorities.push({ name: 'An authority of our own', validTo: '', pem });
    await writeFile(place, JSON.stringify(shipped));
  }
  if (files.length === 0) throw new Error(`no function in ${bundles} ships ${AUTHORITIES}`);
  return copy;
}
