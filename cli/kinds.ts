import type { ParseArgsConfig } from 'node:util';
import type { RestoreOption } from '../shared/sources/plugin.ts';
import { allRestoreOptions, KINDS } from '../shared/sources/registry.ts';
import { usage } from './command.ts';

/** What the command line says of kinds of databases, all of it from their plugins. */

const WIDTH = 120;
const INDENT = 26;

const onServers = KINDS.filter(({ isOnDisk = false }) => !isOnDisk);
const onDisk = KINDS.filter(({ isOnDisk = false }) => isOnDisk);

/** URLs of each kind: `postgres://…, https://NAME.firebaseio.com`. */
export const URL_EXAMPLES = onServers.map(({ urlExample }) => urlExample).join(', ');

/** One of them, for hints. */
export const URL_EXAMPLE = onServers[0]?.urlExample ?? 'a URL';

/** What else a source can be: `a file or folder of text`. */
export const DISK_EXAMPLES = onDisk.map(({ urlExample }) => urlExample).join(', or ');

/** `holdfast backup --source` and its like. */
export const SOURCE_HELP = optionHelp(
  '  -s, --source SOURCE',
  `name from the configuration, ${URL_EXAMPLES}, env:NAME, or ${DISK_EXAMPLES}`,
);

/** An option in a help text, in as many lines as it takes. */
export function optionHelp(option: string, text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && INDENT + last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  const gap = option.length >= INDENT ? `${option}  ` : option.padEnd(INDENT);
  return lines.map((line, i) => `${i === 0 ? gap : ' '.repeat(INDENT)}${line}`).join('\n');
}

type Choose = (option: RestoreOption) => boolean;

/** Options that only some kinds know, as `parseArgs` takes them. */
export function specialFlags(isMeant: Choose = () => true): NonNullable<ParseArgsConfig['options']> {
  const flags = [...allRestoreOptions().values()].filter(isMeant).map((option) => {
    const { flag, short } = option;
    const type = takesValue(option) ? 'string' : 'boolean';
    return [flag, { type, ...(short === undefined ? {} : { short }) }] as const;
  });
  return Object.fromEntries(flags);
}

/** Their help, below the name of each kind. */
export function specialHelp(isMeant: Choose = () => true): string {
  return KINDS.flatMap(({ displayName, restoreOptions = {} }) => {
    const own = Object.values(restoreOptions).filter(isMeant);
    return own.length === 0 ? [] : [`${displayName} only:\n${own.map(lineOf).join('')}`];
  }).join('');
}

function lineOf(option: RestoreOption): string {
  const { flag, short, argument, help } = option;
  const name = `${short === undefined ? '      ' : `  -${short}, `}--${flag}${argument === undefined ? '' : ` ${argument}`}`;
  return `${optionHelp(name, help)}\n`;
}

/** What was given of them, by their names in restores. @throws E_USAGE for a value that is not allowed */
export function specialOf(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const given = [...allRestoreOptions()].flatMap(([name, option]) => {
    const value = values[option.flag];
    return value === undefined || value === false ? [] : [[name, checkedValue(option, value)] as const];
  });
  return Object.fromEntries(given);
}

function checkedValue({ flag, parse, wanted = '' }: RestoreOption, value: unknown): unknown {
  if (typeof value !== 'string' || parse === undefined) return value;
  const parsed = parse(value);
  if (parsed === undefined) throw usage(`--${flag} is '${value}'; allowed are ${wanted}`);
  return parsed;
}

function takesValue({ argument }: RestoreOption): boolean {
  return argument !== undefined;
}
