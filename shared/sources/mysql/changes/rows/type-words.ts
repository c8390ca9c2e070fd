/** A column's type as the server writes it, taken apart: `decimal(10,2) unsigned`. */
export interface TypeWords {
  /** `decimal` */
  readonly word: string;
  /** The first number in parentheses. */
  readonly size: number | undefined;
  readonly isUnsigned: boolean;
  /** Numbers are filled with zeros up to `size`. */
  readonly isZerofilled: boolean;
  /** Of ENUM and SET. */
  readonly members: readonly string[];
}

export function typeWords(type: string): TypeWords {
  const [, word = '', size] = /^(\w+)(?:\((\d+)(?:,\d+)?\))?/.exec(type.toLowerCase()) ?? [];
  const isZerofilled = /\bzerofill\b/i.test(type);
  return {
    word,
    size: size === undefined ? undefined : Number(size),
    isUnsigned: isZerofilled || /\bunsigned\b/i.test(type),
    isZerofilled,
    members: word === 'enum' || word === 'set' ? membersOf(type) : [],
  };
}

const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', n: '\n', r: '\r', Z: '\u001a' };

function membersOf(type: string): readonly string[] {
  return [...type.matchAll(/'((?:[^'\\]|\\[\s\S]|'')*)'/g)].map(([, text = '']) =>
    text.replaceAll(/''|\\([\s\S])/g, (_, letter: string | undefined) =>
      letter === undefined ? "'" : (ESCAPES[letter] ?? letter),
    ),
  );
}
