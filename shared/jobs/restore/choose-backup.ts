import { HoldfastError } from '../../core/errors.ts';
import { type BackupKey, parseBackupKey } from '../../core/ids.ts';
import { nearest } from '../../core/nearest.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import type { ManifestEntry } from '../../repository/reading/manifest-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { configuredName, type SourceNames } from '../source/naming.ts';
import { isGood, summariseEntry } from '../status/list.ts';

/** Manifests read at once. */
const READS = 8;
/** Most candidates in a message. */
const MOST_NAMED = 8;

/** The newest, whatever speaks against it, or the newest that nothing speaks against; for a source. */
const WORD = /^(latest|good)(?::(.*))?$/s;

/** Which backup is meant by `latest` and `good`. */
export interface BackupChoice {
  /** A configured name, or a name in backups. */
  readonly source?: string | undefined;
  /** Only for `latest` and `good`: backups of this type. */
  readonly type?: string | undefined;
  /**
   * The names that backups may have for each configured source: the name itself, and the database without
   * secrets.
   *
   * @default none are configured
   */
  readonly sources?: SourceNames;
  readonly signal: AbortSignal;
}

/**
 * The parts of `latest:shop`; undefined for anything else. The same meaning in the CLI, the API and the
 * functions.
 */
export function parseBackupWord(
  text: string,
): { readonly word: 'latest' | 'good'; readonly source: string | undefined } | undefined {
  const [, word, source] = WORD.exec(text) ?? [];
  return word === 'latest' || word === 'good' ? { word, source } : undefined;
}

/**
 * The one backup that `text` means: a whole path, any part of one that fits only one backup, or
 *
 * - `latest`: the newest, even if it is suspect or damaged, but not if it is dated long after it was stored;
 * - `good`: the newest that nothing speaks against;
 * - `latest:SOURCE`, `good:SOURCE`: of that source. Without it, all backups must be of one source.
 *
 * @throws E_NO_BACKUP, E_AMBIGUOUS_KEY (the candidates are in the message), E_USAGE
 */
export async function chooseBackup(
  repository: Repository,
  text: string,
  choice: BackupChoice,
): Promise<BackupKey> {
  const parsed = parseBackupWord(text);
  if (parsed) {
    const source = parsed.source ?? choice.source;
    if (source === '') throw misused(`'${text}' names no source`, `Give ${parsed.word}:NAME.`);
    if (choice.source !== undefined && source !== choice.source)
      throw misused(
        `'${text}' and the source '${choice.source}' contradict each other`,
        'Give only one of them.',
      );
    return newest(repository, parsed.word, { ...choice, source });
  }
  if (choice.source !== undefined || choice.type !== undefined)
    throw misused(
      `a source or type needs 'latest' or 'good', not '${text}'`,
      'Leave it out, or give `latest` instead of a part of a name.',
    );
  return findKey(await repository.backupKeys(choice.signal), text);
}

/** Whether it is the one, if it is of the source; `perhaps`: if there is no other. */
type Rank = (entry: ManifestEntry) => 'no' | 'perhaps' | 'yes';

async function newest(
  repository: Repository,
  word: 'latest' | 'good',
  choice: BackupChoice,
): Promise<BackupKey> {
  const { type, source, signal } = choice;
  const keys = await repository.backupKeys(signal, type === undefined ? 'backups/' : `backups/${type}/`);
  const inspect = (key: BackupKey) => repository.inspectIfListed(key, signal);
  const rank = word === 'good' ? await goodOnly(repository, signal) : anyThatIsDated;
  const seen = new Set<string>();
  const search = source === undefined ? firstOfOnlySource : firstOfSource;
  const found = await search(orderedMap(keys, READS, inspect), { word, choice, rank, seen });
  if (found !== undefined) return found;
  throw notFound(word, choice, keys, seen);
}

interface Search {
  readonly word: 'latest' | 'good';
  readonly choice: BackupChoice;
  readonly rank: Rank;
  /** Receives the sources that were seen. */
  readonly seen: Set<string>;
}
type Entries = AsyncIterable<ManifestEntry | undefined>;

/** One that cannot be read may be the newest of any source: reading it will say what is wrong. */
async function firstOfSource(
  entries: Entries,
  { choice: { source = '', sources = new Map() }, rank, seen }: Search,
): Promise<BackupKey | undefined> {
  const meant = new Set([source, ...(sources.get(configuredName(sources, source)) ?? [])]);
  const nameOf = (stored: string) => configuredName(sources, stored);
  let perhaps: BackupKey | undefined;
  for await (const entry of entries) {
    if (entry?.manifest) seen.add(nameOf(entry.manifest.source.name));
    const isOfSource = !entry?.manifest || meant.has(entry.manifest.source.name);
    const found = entry && isOfSource ? rank(entry) : 'no';
    if (found === 'yes') return entry?.key;
    if (found === 'perhaps') perhaps ??= entry?.key;
  }
  return perhaps;
}

/** @throws E_AMBIGUOUS_KEY if there is more than one source */
async function firstOfOnlySource(
  entries: Entries,
  { word, choice: { sources = new Map() }, rank, seen }: Search,
): Promise<BackupKey | undefined> {
  const nameOf = (stored: string) => configuredName(sources, stored);
  const first: { yes?: BackupKey; perhaps?: BackupKey } = {};
  for await (const entry of entries) {
    if (!entry) continue;
    const found = rank(entry);
    if (found !== 'no') first[found] ??= entry.key;
    if (entry.manifest) seen.add(nameOf(entry.manifest.source.name));
    if (seen.size > 1) throw severalSources(word, seen);
  }
  return first.yes ?? first.perhaps;
}

/** A backup dated long after it was stored is never the newest, unless there is no other. */
function anyThatIsDated(entry: ManifestEntry): 'perhaps' | 'yes' {
  return summariseEntry(entry).isMisdated ? 'perhaps' : 'yes';
}

/** Imported backups come after all that were read from the source. */
async function goodOnly(repository: Repository, signal: AbortSignal): Promise<Rank> {
  const marks = await repository.marks(signal);
  return (entry) => {
    if (!entry.manifest || !isGood(summariseEntry(entry, marks.of(entry.key)))) return 'no';
    return entry.manifest.imported ? 'perhaps' : 'yes';
  };
}

function findKey(keys: readonly BackupKey[], text: string): BackupKey {
  const matches = keys.filter((key) => key === text || key.includes(text));
  const exact = matches.find(
    (key) => key === text || key.endsWith(`/${text}.json`) || key.endsWith(`/${text}`),
  );
  const [first, ...others] = matches;
  if (exact) return exact;
  if (!first || text === '') throw noBackup(`no backup's name contains '${text}'`);
  if (others.length === 0) return first;
  const named = matches
    .slice(0, MOST_NAMED)
    .map((key) => key.slice(key.lastIndexOf('/') + 1, -'.json'.length));
  const more = matches.length > MOST_NAMED ? ` and ${matches.length - MOST_NAMED} more` : '';
  throw new HoldfastError(
    'E_AMBIGUOUS_KEY',
    `'${text}' fits ${matches.length} backups: ${named.join(', ')}${more}`,
    { hint: 'Give more of the name, or `latest`.' },
  );
}

function severalSources(word: string, sources: ReadonlySet<string>): HoldfastError {
  return new HoldfastError(
    'E_AMBIGUOUS_KEY',
    `the backups are of several sources, among them ${[...sources].join(' and ')}`,
    { hint: `Say which source: \`${word}:SOURCE\`, or --source SOURCE.` },
  );
}

function notFound(
  word: string,
  { source, type }: BackupChoice,
  keys: readonly BackupKey[],
  sources: ReadonlySet<string>,
): HoldfastError {
  const good = word === 'good' ? 'good backup' : 'backup';
  const what = type === undefined ? good : `${good} of type '${type}'`;
  if (source !== undefined)
    return noBackup(
      `there is no ${what} of the source '${source}'`,
      otherSources(word, source, keys, sources),
    );
  const why = word === 'good' && keys.length > 0 ? ': none is whole and beyond suspicion' : '';
  return noBackup(`there is no ${what}${why}`);
}

function otherSources(
  word: string,
  source: string,
  keys: readonly BackupKey[],
  sources: ReadonlySet<string>,
): string | undefined {
  if (keys.some((key) => parseBackupKey(key)?.type === source))
    return `'${source}' is a backup type: give \`${word}\` and --type ${source}.`;
  const meant = nearest(source, [...sources]);
  if (meant !== undefined && meant !== source) return `Did you mean ${word}:${meant}?`;
  if (sources.size === 0) return undefined;
  return `There are backups of ${[...sources].slice(0, MOST_NAMED).join(', ')}.`;
}

function noBackup(message: string, hint = 'Run `holdfast list` to see what there is.'): HoldfastError {
  return new HoldfastError('E_NO_BACKUP', message, { hint });
}

function misused(message: string, hint: string): HoldfastError {
  return new HoldfastError('E_USAGE', message, { hint });
}
