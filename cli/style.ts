import { printable } from './io.ts';

/** Text that may control a terminal: made only here, from names that were made printable first. */
export class Styled {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Without colours. */
  get plain(): string {
    return this.text.replaceAll(SGR, '');
  }

  toString(): string {
    return this.plain;
  }
}

/** Select graphic rendition (ECMA-48). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it begins with one
const SGR = /\u001b\[[0-9;]*m/g;
const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
/** A colour or weight of text, by what it means. */
export type TextStyle = keyof typeof CODES;

/** Where text goes, and whether it takes colours. */
export interface Screen {
  /** Columns; undefined if nothing limits them: a pipe, a file. */
  readonly width: number | undefined;
  readonly hasColour: boolean;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const DEFAULT_COLUMNS = 80;

/** `NO_COLOR` and `TERM=dumb` turn colours off, `CLICOLOR_FORCE` turns them on in a pipe too. */
export function screenStyle(stream: Stream, env: Readonly<Record<string, string | undefined>>): Screen {
  const isTerminal = stream.isTTY === true;
  const isForced = (env['CLICOLOR_FORCE'] ?? '0') !== '0';
  const isRefused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return {
    width: isTerminal ? stream.columns || DEFAULT_COLUMNS : undefined,
    hasColour: !isRefused && (isTerminal || isForced),
  };
}

/** Text in a look; unchanged without colours. */
export function paint(text: string, look: TextStyle | undefined, { hasColour }: Screen): string {
  return look === undefined || !hasColour || text === '' ? text : `\u001b[${CODES[look]}m${text}\u001b[0m`;
}

/** Joins text; makes everything printable that is not `Styled`. */
export function styled(parts: TemplateStringsArray, ...values: readonly (string | Styled)[]): Styled {
  const shown = values.map((value) => (value instanceof Styled ? value.text : printable(value)));
  return new Styled(parts.map((part, i) => part + (shown[i] ?? '')).join(''));
}
