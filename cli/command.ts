import { type ParseArgsConfig, parseArgs } from 'node:util';
import { HoldfastError } from '../shared/core/errors.ts';
import { nearest } from '../shared/core/nearest.ts';
import type { Io } from './io.ts';

/** Options of every command. */
export const COMMON_OPTIONS = {
  config: { type: 'string' },
  'env-file': { type: 'string' },
  repository: { type: 'string', short: 'r' },
  json: { type: 'boolean', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const satisfies ParseArgsConfig['options'];

/** What `--help` of every command ends with. */
export const COMMON_HELP = `Common options:
  -r, --repository PLACE  folder, or s3://bucket/prefix
      --config FILE       configuration file (default holdfast.config.ts or .json)
      --env-file FILE     also read variables that are not set from this file; .env is not read by itself
      --json              one JSON document on stdout (docs/reference/cli.md has its shape)
  -q, --quiet             print only the result, and warnings
  -h, --help              this text
`;

/**
 * The same arguments with the command first, as common options may come before it. @throws E_USAGE for other
 * options
 */
export function commandFirst(argv: readonly string[]): readonly string[] {
  const before: string[] = [];
  for (let at = 0; at < argv.length; ) {
    const word = argv[at] ?? '';
    const option = commonOption(word);
    if (!word.startsWith('-') || word === '--' || STANDALONE.includes(word)) {
      return [word, ...before, ...argv.slice(at + 1)];
    }
    if (!option)
      throw usage(`${word.split('=')[0]} must come after the command`, 'For example: holdfast list --json');
    const takesNext =
      option.type === 'string' && !word.includes('=') && (word.startsWith('--') || word.length === 2);
    before.push(...argv.slice(at, at + (takesNext ? 2 : 1)));
    at += takesNext ? 2 : 1;
  }
  return before.includes('--help') || before.includes('-h') ? ['help'] : [];
}

/** Instead of a command. */
const STANDALONE = ['--help', '-h', '--version', '-V'];

function commonOption(word: string): { readonly type: string } | undefined {
  return Object.entries(COMMON_OPTIONS).find(([name, option]) => {
    const short = 'short' in option ? `-${option.short}` : undefined;
    return (
      word === `--${name}` ||
      word.startsWith(`--${name}=`) ||
      (short !== undefined && word.startsWith(short) && !word.startsWith('--'))
    );
  })?.[1];
}

/** A command of the command line: its text, its options, and what it does. */
export interface Command {
  readonly help: string;
  /** Options besides the common ones, for parsing and completion. */
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** Returns the exit status; errors are thrown. */
  run(argv: readonly string[], io: Io): Promise<number>;
}

/**
 * Parses a command's arguments.
 *
 * @param most positional arguments allowed
 * @throws E_USAGE naming the argument, and the option that may have been meant
 */
export function parse<const O extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: O,
  most: number,
) {
  const all = { ...COMMON_OPTIONS, ...options };
  try {
    const parsed = parseArgs({ args: [...argv], options: all, allowPositionals: true, strict: true });
    const extra = parsed.positionals[most];
    if (extra !== undefined) throw usage(`'${extra}' is one argument too many`);
    refuseEmpty(parsed);
    return parsed;
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw explain(error, argv, Object.keys(all));
  }
}

/** Options that may be empty: they choose nothing. */
const MAY_BE_EMPTY: readonly string[] = ['note'];
const EMPTY_HINT = 'Perhaps a variable is not set. Give a value, or leave the option out.';

/**
 * `--source "$UNSET"` must not mean the current folder, and an empty KEY must not mean any backup. @throws
 * E_USAGE
 */
function refuseEmpty({
  values,
  positionals,
}: {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}): void {
  if (positionals.includes('')) throw usage('an argument is empty', EMPTY_HINT);
  for (const [name, value] of Object.entries(values))
    if (!MAY_BE_EMPTY.includes(name) && [value].flat().includes(''))
      throw usage(`--${name} is empty`, EMPTY_HINT);
}

/** What is wrong with how a command was called; ends it with status 2. */
export function usage(message: string, hint = 'See --help.'): HoldfastError {
  return new HoldfastError('E_USAGE', message, { hint });
}

/** That a command lacks its action, or has none of that name. */
export function unknownAction(command: string, action: string | undefined, known: readonly string[]) {
  const all = `Give ${known.join(', ')}.`;
  if (action === undefined) return usage(`${command} needs an action`, all);
  const meant = nearest(action, known);
  return usage(`${command} has no action '${action}'`, meant ? `Did you mean ${meant}? ${all}` : all);
}

const MOST_JOBS = 64;

/** The value of `--jobs`. @throws E_USAGE */
export function jobsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const jobs = Number(text);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= MOST_JOBS) return jobs;
  throw usage(`--jobs is '${text}'; allowed are 1 to ${MOST_JOBS}`);
}

function explain(error: unknown, argv: readonly string[], known: readonly string[]): HoldfastError {
  const unknown = argv.find(
    (arg) => arg.startsWith('--') && !known.includes(arg.slice(2).split('=')[0] ?? ''),
  );
  if (unknown === '--key' || unknown?.startsWith('--key=')) {
    return usage(
      'the key cannot be given as an argument: others could see it',
      'Set BACKUP_ENCRYPTION_KEY, or name a key file.',
    );
  }
  if (unknown !== undefined) {
    const meant = nearest(unknown.slice(2).split('=')[0] ?? '', known);
    return usage(
      `there is no option ${unknown.split('=')[0]}`,
      meant ? `Did you mean --${meant}?` : 'See --help.',
    );
  }
  return usage(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error));
}
