import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COMMON_OPTIONS, commandFirst } from '../../cli/command.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { PAGES as ALL_PAGES } from '../support/pages.ts';

/** Pages that tell of releases, of ways that were not taken, and of a command that is still to be written, may name others. */
const OTHERS = /^(CHANGELOG|CONTRIBUTING|docs\/decisions\/.*)\.md$/;
const PAGES = ALL_PAGES.filter((page) => !OTHERS.test(page));
/** Not commands: what a page shows in the place of one. */
const PLACEHOLDERS = new Set(['COMMAND', '…', '...']);
const STANDALONE = new Set(['help', 'version', '--version', '--help', 'completion']);

interface Documented {
  readonly page: string;
  readonly line: number;
  readonly words: readonly string[];
}

/** Words of a shell line up to what ends the command; comments and prompts are none. */
function wordsOf(text: string): string[] {
  const words = text.match(/"[^"]*"|'[^']*'|\$\([^)]*\)|[^\s"']+/g) ?? [];
  const end = words.findIndex((word) => /^(#|\||\|\||&&|;|>|>>|2>|<|&)$|^#|^[|>]/.test(word));
  return (end < 0 ? words : words.slice(0, end)).map((word) => word.replace(/^["']|["';]$/g, ''));
}

/** Every `holdfast …` of a page: in blocks of code, and between backquotes. */
function commandsOf(page: string): Documented[] {
  const found: Documented[] = [];
  let inBlock = false;
  for (const [index, line] of readFileSync(page, 'utf8').split('\n').entries()) {
    if (line.startsWith('```')) inBlock = !inBlock;
    const texts = inBlock
      ? [/(?:^|[\s;&|(=])(?:npx )?holdfast (.*)$/.exec(line)?.[1]]
      : [...line.matchAll(/`(?:npx )?holdfast ([^`]+)`/g)].map(([, text]) => text);
    for (const text of texts)
      if (text !== undefined) found.push({ page, line: index + 1, words: wordsOf(text) });
  }
  return found;
}

const documented = PAGES.flatMap(commandsOf);

describe('what pages say to type', () => {
  it('is found', () => expect(documented.length).toBeGreaterThan(150));

  it.each(PAGES)('is a command with options that it has: %s', async (page) => {
    const wrong: string[] = [];
    for (const { line, words } of documented.filter((one) => one.page === page)) {
      const problem = await problemOf(words);
      if (problem !== undefined) wrong.push(`${page}:${line}: holdfast ${words.join(' ')}: ${problem}`);
    }
    expect(wrong).toEqual([]);
  });
});

async function problemOf(words: readonly string[]): Promise<string | undefined> {
  const [name = '', ...args] = commandFirst(words);
  if (PLACEHOLDERS.has(name) || STANDALONE.has(name)) return undefined;
  const command = Object.hasOwn(COMMANDS, name) ? await COMMANDS[name]?.load() : undefined;
  if (!command) return `there is no command '${name}'`;
  const options = { ...COMMON_OPTIONS, ...command.options };
  try {
    parseArgs({ args: args.map((word) => word.replace(/^\[|\]$/g, '')), options, allowPositionals: true });
    return undefined;
  } catch (error) {
    // A sentence may name an option without its value.
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' ? undefined : message;
  }
}
