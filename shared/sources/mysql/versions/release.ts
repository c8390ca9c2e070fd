/** Product and version of a server. Percona Server, Aurora and RDS count as MySQL. */
export interface Release {
  /** As people call it: `MySQL 8.0.36`. */
  readonly title: string;
  readonly product: 'mysql' | 'mariadb';
  /** Such as 80036 for 8.0.36, 101106 for 10.11.6. */
  readonly number: number;
}

/** @param title as server-title.ts and manifests have it */
export function releaseOf(title: string): Release {
  const [, major = 0, minor = 0, patch = 0] = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(title) ?? [];
  return {
    title,
    product: /mariadb/i.test(title) ? 'mariadb' : 'mysql',
    number: Number(major) * 10_000 + Number(minor) * 100 + Number(patch),
  };
}
