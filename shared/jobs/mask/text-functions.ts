import type { ColumnFacts } from '../../sources/table-facts.ts';
import { canonical, DISTINCT_LETTERS, type MaskFunction } from './mask-function.ts';
import { permuteBits, permuteDigits } from './permute.ts';
import { FIRST_NAMES, LAST_NAMES, WORDS } from './words.ts';

const MOST_LETTERS = 51;
const USUAL_LETTERS = 26;
const UUID_CHARACTERS = 36;
/** Digits at the front of a telephone number that stay: those of the country. */
const COUNTRY_DIGITS = 2;

/** `hash`: letters and digits that say nothing; numbers, UUIDs and bytes stay what they are. */
export function hash({ length }: { readonly length?: number | undefined }): MaskFunction {
  const letters = ({ most }: ColumnFacts) =>
    Math.min(length ?? USUAL_LETTERS, most ?? MOST_LETTERS, MOST_LETTERS);
  return {
    kinds: ['text', 'integer', 'uuid', 'bytes'],
    isByValue: true,
    isDistinct: (column) => {
      if (column.kind === 'bytes') return (column.most ?? 32) >= 13;
      return column.kind !== 'text' || letters(column) >= DISTINCT_LETTERS;
    },
    distinctWithin: DISTINCT_LETTERS,
    make({ keyed, column }) {
      const { kind, most, bits = 31 } = column;
      if (kind === 'integer')
        return (value) => otherInteger(value, (number) => permuteBits(keyed, number, bits));
      if (kind === 'uuid') return (value) => uuidOf(keyed.bytes('uuid', canonical(value, column)));
      if (kind === 'bytes')
        return (value) => keyed.bytes('bytes', value).toString('hex', 0, Math.min(most ?? 32, 32));
      return (value) =>
        value === '' ? '' : keyed.letters('hash', canonical(value, column), letters(column));
    },
  };
}

/** The sign stays; below zero there is one number more. */
function otherInteger(value: string, permute: (number: bigint) => bigint): string {
  const number = BigInt(value);
  return String(number < 0n ? -permute(-number - 1n) - 1n : permute(number));
}

/** `email`: `u…@example.com`. */
export function email({ domain = 'example.com' }: { readonly domain?: string | undefined }): MaskFunction {
  const letters = ({ most }: ColumnFacts) =>
    Math.min(DISTINCT_LETTERS, most === undefined ? DISTINCT_LETTERS : most - domain.length - 2);
  return {
    kinds: ['text'],
    isByValue: true,
    isDistinct: (column) => letters(column) >= DISTINCT_LETTERS,
    distinctWithin: DISTINCT_LETTERS + 1,
    problem: (column) => (letters(column) < 1 ? `needs ${domain.length + 3} characters` : undefined),
    make: ({ keyed, column }) => {
      const count = letters(column);
      return (value) =>
        value === '' ? '' : `u${keyed.letters('email', canonical(value, column), count)}@${domain}`;
    },
  };
}

/** `name`: one of a list, for equal names the same. */
export function name({
  part = 'full',
}: {
  readonly part?: 'first' | 'last' | 'full' | undefined;
}): MaskFunction {
  return {
    kinds: ['text'],
    isByValue: true,
    isDistinct: () => false,
    make: ({ keyed, column }) => {
      const pick = (list: readonly string[], value: string, use: string) =>
        list[keyed.choice(use, value, list.length)] ?? '';
      return (value) => {
        if (value === '') return '';
        const seed = canonical(value, column);
        const first = part === 'last' ? [] : [pick(FIRST_NAMES, seed, 'first name')];
        const last = part === 'first' ? [] : [pick(LAST_NAMES, seed, 'last name')];
        return fitted([...first, ...last].join(' '), column);
      };
    },
  };
}

/** Letters that no telephone number, card or IBAN has. */
const NO_NUMBER = /[^\x20-\x7e]|[A-Za-z]{3}/;

/** `digits`: other digits, and all else as it is. @param keep so many digits at the front stay */
export function digits({ keep = 0 }: { readonly keep?: number | undefined }): MaskFunction {
  return {
    kinds: ['text', 'integer'],
    isByValue: true,
    isDistinct: () => true,
    make: ({ keyed, column }) => {
      if (column.kind === 'integer') {
        const { bits = 31 } = column;
        return (value) => otherInteger(value, (number) => permuteBits(keyed, number, bits));
      }
      return (value) => {
        const found = value.replaceAll(/\D/g, '');
        // What holds no digit, or words too, is not what the function is for: nothing of it may pass.
        if (found === '' || NO_NUMBER.test(value))
          return value === ''
            ? ''
            : keyed.letters('digits', value, Math.min(column.most ?? USUAL_LETTERS, USUAL_LETTERS));
        const kept = found.length >= keep + 4 ? keep : 0;
        const made = found.slice(0, kept) + permuteDigits(keyed, found.slice(kept));
        let at = 0;
        return value.replaceAll(/\d/g, () => made[at++] ?? '');
      };
    },
  };
}

function digitsOnly(bytes: Buffer, length: number): string {
  return Array.from({ length }, (_, i) => (bytes[i % bytes.length] ?? 0) % 10).join('');
}

/** `phone`: the same, with the digits of the country. */
export function phone(): MaskFunction {
  return digits({ keep: COUNTRY_DIGITS });
}

/** `uuid`. */
export function uuid(): MaskFunction {
  return {
    kinds: ['text', 'uuid'],
    isByValue: true,
    isDistinct: () => true,
    distinctWithin: UUID_CHARACTERS,
    problem: ({ kind, most = UUID_CHARACTERS }) =>
      kind === 'text' && most < UUID_CHARACTERS ? `needs ${UUID_CHARACTERS} characters` : undefined,
    make:
      ({ keyed, column }) =>
      (value) =>
        uuidOf(keyed.bytes('uuid', canonical(value, column))),
  };
}

/** RFC 9562, version 4. MariaDB gives some UUIDs of version 8 back with other digits. */
function uuidOf(bytes: Buffer): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** `text`: words that mean nothing, about as many. */
export function text(): MaskFunction {
  return {
    kinds: ['text'],
    isByValue: true,
    isDistinct: () => false,
    make:
      ({ keyed, column }) =>
      (value) => {
        if (value === '') return '';
        const wanted = Math.min(value.length, column.most ?? value.length);
        const bytes = keyed.bytes('text', value);
        let made = '';
        for (let i = 0; made.length < wanted; i++) {
          const word = WORDS[((bytes[i % 32] ?? 0) + 31 * Math.floor(i / 32)) % WORDS.length] ?? '';
          made += made === '' ? word : ` ${word}`;
        }
        return fitted(made.slice(0, wanted), column) || 'x';
      },
  };
}

/** `ip`: an address of a private network, of the same version. */
export function ip(): MaskFunction {
  return {
    kinds: ['text', 'ip'],
    isByValue: true,
    isDistinct: () => false,
    problem: ({ kind, most }) =>
      kind === 'text' && most !== undefined && most < 39 ? 'needs 39 characters' : undefined,
    make:
      ({ keyed }) =>
      (value) => {
        if (value === '') return '';
        const [, address = '', mask = ''] = /^([^/]*)(\/\d{1,3})?$/.exec(value) ?? [];
        const bytes = keyed.bytes('ip', address === '' ? value : address);
        if (!address.includes(':')) return `10.${bytes[0]}.${bytes[1]}.${bytes[2]}${mask}`;
        // No group is 0 or begins with one: every database writes it as it is here.
        const groups = Array.from({ length: 7 }, (_, i) => (bytes.readUInt16BE(2 * i) | 0x1000).toString(16));
        return `fd${(bytes[30] ?? 0).toString(16).padStart(2, '0')}:${groups.join(':')}${mask}`;
      },
  };
}

const PLACE = /\{(hash|digits|first|last)(?::(\d{1,2}))?\}/g;
const LONGEST_NAME = Math.max(...[...FIRST_NAMES, ...LAST_NAMES].map((one) => one.length));

/** `template`: a text with `{hash}`, `{hash:8}`, `{digits:4}`, `{first}` or `{last}` in it. */
export function template({ template: pattern }: { readonly template: string }): MaskFunction {
  const lengthOf = (kind: string | undefined, count: string | undefined) => {
    if (kind === 'first' || kind === 'last') return LONGEST_NAME;
    return Number(count ?? (kind === 'hash' ? DISTINCT_LETTERS : 6));
  };
  const found = [...pattern.matchAll(PLACE)];
  const longest = found.reduce(
    (sum, [whole, kind, count]) => sum - whole.length + lengthOf(kind, count),
    pattern.length,
  );
  const isDistinct = found.some(
    ([, kind, count]) => kind === 'hash' && lengthOf(kind, count) >= DISTINCT_LETTERS,
  );
  return {
    kinds: ['text'],
    isByValue: true,
    isDistinct: () => isDistinct,
    distinctWithin: longest,
    problem: ({ most }) => (most !== undefined && most < longest ? `needs ${longest} characters` : undefined),
    make:
      ({ keyed, column }) =>
      (value) => {
        if (value === '') return '';
        const seed = canonical(value, column);
        return pattern.replaceAll(PLACE, (_, kind: string, count: string | undefined) => {
          if (kind === 'hash') return keyed.letters('hash', seed, lengthOf(kind, count));
          if (kind === 'digits') return digitsOnly(keyed.bytes('digits', seed), lengthOf(kind, count));
          const list = kind === 'first' ? FIRST_NAMES : LAST_NAMES;
          return list[keyed.choice(`${kind} name`, seed, list.length)] ?? '';
        });
      },
  };
}

/** Not longer than the column, without a blank at the end. */
function fitted(value: string, { most }: ColumnFacts): string {
  return (most === undefined ? value : value.slice(0, most)).trimEnd();
}
