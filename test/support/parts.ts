import { existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { hasTurn } from './repository/torture.ts';
import { sharedPart } from './run/shared-part.ts';

interface Part {
  /** Programs that must be there. */
  readonly files: readonly string[];
  /** Debian packages that bring them. */
  readonly packages: string;
}

/** Real parts that tests run against and npm does not bring. */
const PARTS = {
  'ceph-rgw': {
    files: ['/usr/bin/radosgw', '/usr/bin/ceph-mon', '/usr/bin/ceph-osd', '/usr/bin/radosgw-admin'],
    packages: 'radosgw ceph-mon ceph-osd ceph-common',
  },
  'postgresql-15': {
    files: [
      '/usr/lib/postgresql/15/bin/postgres',
      '/usr/lib/postgresql/15/bin/pg_dump',
      '/usr/lib/postgresql/15/bin/pgbench',
    ],
    packages: 'postgresql-15',
  },
  mariadb: {
    files: ['/usr/sbin/mariadbd', '/usr/bin/mariadb-install-db', '/usr/bin/mariadb-dump', '/usr/bin/mariadb'],
    packages: 'mariadb-server',
  },
  'python-reader': {
    files: [
      '/usr/bin/python3',
      '/usr/lib/python3/dist-packages/cryptography',
      '/usr/lib/python3/dist-packages/zstandard',
    ],
    packages: 'python3 python3-cryptography python3-zstandard',
  },
  // Its native part is built by a command: a fresh clone must not need a compiler.
  'runtime-client': {
    files: [path.resolve('node_modules/aws-lambda-ric/rapid-client.node')],
    packages: 'cmake g++ make, and then `npm run runtime-client`',
  },
  chromium: { files: ['/usr/bin/chromium'], packages: 'chromium' },
  gcc: { files: ['/usr/bin/gcc'], packages: 'gcc libc6-dev' },
  openssl: { files: ['/usr/bin/openssl'], packages: 'openssl' },
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof PARTS;

export function hasPart(name: PartName): boolean {
  return PARTS[name].files.every((file) => existsSync(file));
}

/**
 * A suite that needs a real part. Where it is missing, the suite is reported as skipped with the packages to
 * install; with REQUIRE_ALL_PARTS=1 it fails.
 */
export function describeWithPart(name: PartName, title: string, suite: () => void): void {
  describeWithParts([name], title, suite);
}

/** The same for a suite that needs several. */
export function describeWithParts(names: readonly PartName[], title: string, suite: () => void): void {
  const missing = names.filter((name) => !hasPart(name)).map((name) => PARTS[name].packages);
  const packages = missing.join(', ');
  if (missing.length === 0) {
    describe(title, () => {
      if (names.includes('ceph-rgw')) beforeAll(() => sharedPart('ceph-rgw'));
      suite();
    });
  } else if (process.env['REQUIRE_ALL_PARTS'] === '1') {
    it(`${title}: needs ${packages}`, () => expect.fail(`install ${packages}`));
  } else {
    describe.skip(`${title} (needs the Debian packages ${packages})`, suite);
  }
}

/** The same for one of `n` groups of slow files; `npm test` takes one of them. @param place of the group, from 0 */
export function describeInTurn(place: number, n: number): typeof describeWithParts {
  if (hasTurn(place, n)) return describeWithParts;
  return (_, title, suite) => describe.skip(`${title} (others have their turn)`, suite);
}
