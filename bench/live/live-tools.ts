import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { bytesOf, type Command } from '../measure.ts';
import { configOf, HOLDFAST_KEY, run } from '../tools.ts';

/** A way to back a database up and to bring it back. `place` is a folder of its own for each round. */
export interface LiveTool {
  readonly name: string;
  init(place: string): Command;
  backup(place: string, label: string, url: string): Command;
  /** Undefined if the tool brings nothing back. */
  readonly restore: ((place: string, label: string, url: string) => Command) | undefined;
  /** As `restore`, without comparing what was restored; undefined if the tool never compares. */
  readonly restoreUncompared?: LiveTool['restore'];
  /** Bytes of all backups so far. */
  storedBytes(place: string): number;
}

export function holdfastToFolder(program: string): LiveTool {
  const repositoryOf = (place: string) => path.join(place, 'repository');
  return {
    ...holdfast({ program, name: 'holdfast', repositoryOf }),
    storedBytes: (place) => bytesOf(repositoryOf(place)),
  };
}

/** @param env of programs that use `bucket` */
export function holdfastToS3(
  program: string,
  { bucket, env }: { readonly bucket: string; readonly env: Readonly<Record<string, string>> },
): LiveTool {
  const repositoryOf = (place: string) => `s3://${bucket}/${path.basename(path.dirname(place))}`;
  return holdfast({ program, name: 'holdfast, Ceph RGW', repositoryOf, env });
}

function holdfast(options: {
  readonly program: string;
  readonly name: string;
  readonly repositoryOf: (place: string) => string;
  readonly env?: Readonly<Record<string, string>>;
}): LiveTool {
  const { program, name, repositoryOf, env = {} } = options;
  const command = (place: string, args: readonly string[], url = ''): Command => ({
    argv: [program, ...args],
    env: {
      ...env,
      HOLDFAST_REPOSITORY: repositoryOf(place),
      BACKUP_ENCRYPTION_KEY: HOLDFAST_KEY,
      DATABASE_URL: url,
    },
  });
  const restore = (place: string, label: string, url: string, ...more: readonly string[]) =>
    command(
      place,
      ['restore', 'latest', '--type', label, '--to', 'env:DATABASE_URL', '--quiet', ...more],
      url,
    );
  return {
    name,
    init: (place) => {
      writeFileSync(configOf(place), JSON.stringify(ANY_LABEL));
      return command(place, ['init']);
    },
    backup: (place, label, url) =>
      command(
        place,
        ['backup', label, '--source', 'env:DATABASE_URL', '--config', configOf(place), '--quiet'],
        url,
      ),
    restore: (place, label, url) => restore(place, label, url),
    restoreUncompared: (place, label, url) => restore(place, label, url, '--compare', 'none'),
    storedBytes: (place) => packBytesOf(command(place, ['status', '--json'])),
  };
}

/** @param status prints the repository's status; it also fails if the sources are not protected, which does not matter here */
function packBytesOf(status: Command): number {
  const argv = ['bash', '-c', '"$@" || true', 'bash', ...status.argv];
  const { packBytes } = JSON.parse(run({ ...status, argv }));
  if (typeof packBytes !== 'number') throw new Error('status does not say how large the packs are');
  return packBytes;
}

/** A label is the type of a backup. */
const ANY_LABEL = { retention: { '*': 365 } };
