import { HoldfastError } from '../shared/core/errors.ts';
import { backupVersion, openLive, type Version } from '../shared/jobs/inside/version.ts';
import { configuredName } from '../shared/jobs/source/naming.ts';
import { isOfSource } from '../shared/jobs/source/same-source.ts';
import { usage } from './command.ts';
import { openNamedSource } from './named-source.ts';
import type { CommandSession } from './session.ts';

/** What `diff` compares. */
export interface OpenedVersions extends AsyncDisposable {
  readonly versions: readonly [Version, Version];
  /** Keys of backups; `live:` and the source's name of a database. */
  readonly names: readonly [string, string];
}

const LIVE = /^live(?::(.+))?$/s;

/** Opens two backups, or databases as they are now. @throws E_USAGE if nobody says which database, E_NO_BACKUP, E_SOURCE_* */
export async function openVersions(
  session: CommandSession,
  first: string,
  second: string,
): Promise<OpenedVersions> {
  const signal = session.io.signal;
  const { repository } = session;
  const openBackup = async (text: string) => {
    const open = async () => repository.openBackup(await session.backup(text), signal);
    return backupVersion(await repository.openWarm(open));
  };
  const backups = [
    LIVE.test(first) ? undefined : await openBackup(first),
    LIVE.test(second) ? undefined : await openBackup(second),
  ] as const;
  const other = backups.find((backup) => backup !== undefined)?.reader?.manifest.source;
  const opened = new AsyncDisposableStack();
  const open = async (text: string, backup: Version | undefined) => {
    if (backup) return { version: backup, name: backup.name };
    const source = await liveSource(session, LIVE.exec(text)?.[1], other);
    return { version: opened.use(await openLive(source, signal)), name: `live:${source.name}` };
  };
  try {
    const [a, b] = [await open(first, backups[0]), await open(second, backups[1])];
    return {
      versions: [a.version, b.version],
      names: [a.name, b.name],
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

type Stored = { readonly kind: string; readonly name: string };

/** The named one; else that which a backup is of, if it is configured or what HOLDFAST_SOURCE says. */
async function liveSource(session: CommandSession, named: string | undefined, stored: Stored | undefined) {
  if (named !== undefined) return openNamedSource(session, named);
  if (!stored) throw usage('which database does `live` mean?', 'Name it: holdfast diff live:NAME live:NAME');
  const { config } = session;
  const name = configuredName(await session.sourceNames(), stored.name);
  if (config.sources.some((source) => source.name === name)) return openNamedSource(session, name);
  if (config.defaultSource !== undefined) {
    const source = await openNamedSource(session, config.defaultSource);
    if (isOfSource(stored, source)) return source;
  }
  throw new HoldfastError('E_USAGE', `the backup is of ${stored.name}, which is not in the configuration`, {
    hint: 'Name the database: live:NAME, live:env:NAME (a URL in the environment), or live:URL.',
  });
}
