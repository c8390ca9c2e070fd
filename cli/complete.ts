import { backupTypes } from '../shared/config/backup-types.ts';
import type { ResolvedConfig } from '../shared/config/config.ts';
import { ROLES } from '../shared/core/api-names.ts';
import { parseBackupKey } from '../shared/core/ids.ts';
import { SECOND_MS } from '../shared/core/units.ts';
import { listBackups } from '../shared/jobs/status/list.ts';
import { showBackup } from '../shared/jobs/status/show.ts';
import { COMMON_HELP, COMMON_OPTIONS } from './command.ts';
import { COMMANDS } from './commands.ts';
import { age, bytes, plural, shortestKey } from './format.ts';
import { type Io, write } from './io.ts';
import { loadConfig } from './load-config.ts';
import { CommandSession } from './session.ts';

/** Nobody waits longer for a suggestion. */
const MOST_MS = 3 * SECOND_MS;
const MOST_KEYS = 200;
/** Common options that need more than the command's own options. */
const PLACES = ['repository', 'config', 'env-file'] as const;

/** One thing that a half-written command may go on with. */
export interface Suggestion {
  readonly value: string;
  /** One line, for shells that show it. */
  readonly about: string;
}

/** Prints what the last word may be, one per line: value, tab, description. Prints no errors. */
export async function complete(words: readonly string[], io: Io): Promise<number> {
  const given = joined(words);
  const found = await suggest(given, io).catch(() => []);
  const begun = given.at(-1) ?? '';
  const fitting = found.filter(({ value }) => value.startsWith(begun));
  await write(io.stdout, fitting.map(({ value, about }) => `${value}\t${about}\n`).join(''));
  return 0;
}

/** bash splits `latest:shop` into three words. */
function joined(words: readonly string[]): readonly string[] {
  const all: string[] = [];
  let isOpen = false;
  for (const word of words) {
    if (all.length > 0 && (word === ':' || isOpen)) all[all.length - 1] += word;
    else all.push(word);
    isOpen = word === ':';
  }
  return all;
}

const row = (value: string, about = ''): Suggestion => ({ value, about });

async function suggest(words: readonly string[], io: Io): Promise<readonly Suggestion[]> {
  const before = words.slice(0, -1);
  const begun = words.at(-1) ?? '';
  const name = commandOf(before);
  if (name === undefined) return begun.startsWith('-') ? options(COMMON_HELP, COMMON_OPTIONS) : commands();
  if (name === 'help') return commands();
  const command = await COMMANDS[name]?.load();
  if (!command) return [];
  const all = { ...COMMON_OPTIONS, ...command.options };
  const option = valueNamed(before.at(-1) ?? '', all);
  const given = operandsOf(before, name, all);
  const world = new World({ words: before, given, help: command.help }, io);
  if (option !== undefined) return (await OPTION_VALUES[option]?.(world)) ?? choices(command.help, option);
  if (begun.startsWith('-')) return options(command.help, all);
  return (await OPERANDS[name]?.(world)) ?? [];
}

function commands(): readonly Suggestion[] {
  const own = Object.entries(COMMANDS).map(([name, { summary }]) => row(name, summary));
  return [...own, row('version', 'the release'), row('help', "this text, or a command's help")];
}

type Options = Readonly<Record<string, { readonly type: string; readonly short?: string }>>;

/** With their descriptions from the help. */
function options(help: string, known: Options): readonly Suggestion[] {
  const said = new Map(
    [...help.matchAll(/^ {2,}(?:-\w, )?--([\w-]+)(?: \S+)? {2,}(\S.*)$/gm)].map(
      ([, name = '', about = '']) => [name, about],
    ),
  );
  return Object.keys(known).map((name) => row(`--${name}`, said.get(name)));
}

/** The values of an option that the help lists, as in `--format csv|json`. */
function choices(help: string, option: string): readonly Suggestion[] {
  const [, listed = ''] = new RegExp(`--${option} ([\\w-]+(?:\\|[\\w-]+)+)`).exec(help) ?? [];
  return listed
    .split('|')
    .filter((value) => /^[a-z]/.test(value))
    .map((value) => row(value));
}

/** The actions that a command's help describes, a line each. */
function actions(help: string): readonly Suggestion[] {
  return [...help.matchAll(/^ {2}([a-z]+(?:, [a-z]+)*) {3,}(\S.*)$/gm)].flatMap(([, names = '', about]) =>
    names.split(', ').map((name) => row(name, about)),
  );
}

/** What was typed after the name of the command, but for options and their values. */
function operandsOf(words: readonly string[], name: string, known: Options): readonly string[] {
  return words
    .slice(words.indexOf(name) + 1)
    .filter((word, i, all) => !word.startsWith('-') && valueNamed(all[i - 1] ?? '', known) === undefined);
}

/** Name of the option whose value comes next; undefined if none. */
function valueNamed(word: string, known: Options): string | undefined {
  const [name, { type } = { type: '' }] =
    Object.entries(known).find(([long, { short }]) => word === `--${long}` || word === `-${short}`) ?? [];
  return type === 'string' ? name : undefined;
}

/** The first word that is neither an option nor the value of a common one. */
function commandOf(words: readonly string[]): string | undefined {
  return words.find(
    (word, i) => !word.startsWith('-') && valueNamed(words[i - 1] ?? '', COMMON_OPTIONS) === undefined,
  );
}

type Values = (world: World) => Promise<readonly Suggestion[]> | readonly Suggestion[];
const fixed =
  (...values: readonly string[]): Values =>
  () =>
    values.map((value) => row(value));

const OPTION_VALUES: Readonly<Record<string, Values>> = {
  source: (world) => world.sources(),
  type: (world) => world.types(),
  to: (world) => world.targets(),
  dataset: (world) => world.datasets(),
  database: (world) => world.places(),
  role: fixed(...ROLES),
};

const key: Values = (world) => world.keys();
const type: Values = (world) => world.types();
/** An action first; then a backup, if the action is of one. */
const actionOr =
  (...ofBackups: readonly string[]): Values =>
  (world) => {
    const [action] = world.given;
    if (action === undefined) return actions(world.help);
    return ofBackups.includes(action) ? world.keys() : [];
  };
const OPERANDS: Readonly<Record<string, Values>> = {
  backup: type,
  list: type,
  ...Object.fromEntries(
    [
      'show',
      'accept',
      'verify',
      'drill',
      'restore',
      'recover',
      'repair',
      'salvage',
      'export',
      'rows',
      'query',
      'hold',
      'release',
    ].map((name) => [name, key]),
  ),
  diff: async (world) => [...(await world.live()), ...(await world.keys())],
  bisect: (world) => world.sources(),
  pitr: actionOr('prove'),
  mask: actionOr('suggest', 'check'),
  'api-keys': fixed('create', 'revoke'),
  keys: fixed('check'),
  completion: fixed('bash', 'zsh', 'fish'),
};

/** What was typed, and of what command. */
interface Typed {
  readonly words: readonly string[];
  readonly given: readonly string[];
  readonly help: string;
}

/** What the configuration and the repository hold, according to the typed options. */
class World {
  /** Operands before the word. */
  readonly given: readonly string[];
  readonly help: string;
  readonly #words: readonly string[];
  readonly #io: Io;

  constructor({ words, given, help }: Typed, io: Io) {
    this.given = given;
    this.help = help;
    this.#words = words;
    this.#io = { ...io, signal: AbortSignal.any([io.signal, AbortSignal.timeout(MOST_MS)]) };
  }

  async types(): Promise<readonly Suggestion[]> {
    return backupTypes(await this.#config()).names.map((name) => row(name, 'backup type'));
  }

  async sources(): Promise<readonly Suggestion[]> {
    return (await this.#config()).sources.map(({ name, kind }) => row(name, kind));
  }

  async targets(): Promise<readonly Suggestion[]> {
    return (await this.#config()).targets.map(({ name, kind }) => row(name, kind));
  }

  async places(): Promise<readonly Suggestion[]> {
    return [...(await this.sources()), ...(await this.targets())];
  }

  /** Databases as they are now. */
  async live(): Promise<readonly Suggestion[]> {
    const sources = await this.sources();
    return [
      row('live', 'the database as it is now'),
      ...sources.map(({ value }) => row(`live:${value}`, `${value} as it is now`)),
    ];
  }

  async keys(): Promise<readonly Suggestion[]> {
    const sources = await this.sources();
    const words = ['latest', 'good'].flatMap((word) => [
      row(word, word === 'latest' ? 'the newest backup' : 'the newest that nothing speaks against'),
      ...sources.map(({ value }) => row(`${word}:${value}`, `of ${value}`)),
    ]);
    await using session = await this.#session();
    const { repository } = session;
    const now = repository.clock.now();
    const backups = (await repository.backupKeys(this.#io.signal)).toReversed().slice(0, MOST_KEYS);
    const found = backups.map((one) => {
      const at = parseBackupKey(one)?.startedAt;
      return row(shortestKey(one), at ? age(at, now) : '');
    });
    return [...words, ...found];
  }

  /** Of the typed backup, else of the newest. */
  async datasets(): Promise<readonly Suggestion[]> {
    await using session = await this.#session();
    const typed = this.#words
      .filter((word) => /^(?:backups\/|backup_|latest|good|[a-z-]+_\d{8})/.test(word))
      .at(-1);
    const [newest] =
      typed === undefined ? await listBackups(session.repository, { signal: this.#io.signal }) : [];
    const chosen = typed === undefined ? newest?.key : await session.backup(typed);
    if (chosen === undefined) return [];
    const { datasets } = await showBackup(session.repository, chosen, this.#io.signal);
    return datasets.map(({ name, records, plainBytes }) =>
      row(name, `${plural(records, 'record')}, ${bytes(plainBytes)}`),
    );
  }

  #config(): Promise<ResolvedConfig> {
    return loadConfig(this.#flags(), this.#io);
  }

  #session(): Promise<CommandSession> {
    return CommandSession.open({ ...this.#flags(), quiet: true }, this.#io);
  }

  #flags(): Partial<Record<(typeof PLACES)[number], string>> {
    const pairs = PLACES.flatMap((name) => {
      const value = this.#given(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    return Object.fromEntries(pairs);
  }

  #given(name: string): string | undefined {
    const at = this.#words.findLastIndex((word) => valueNamed(word, COMMON_OPTIONS) === name);
    return at < 0 ? undefined : this.#words[at + 1];
  }
}
