import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseRecoveryWords, wordsOf } from '../../cli/recovery-words.ts';
import { RecoveryKey } from '../../shared/keys/recovery-key.ts';

const SEED = createHash('sha256').update('a seed').digest();
const KEY = new RecoveryKey(SEED);
const WORDS = wordsOf(SEED);
const text = WORDS.join(' ');

describe('the words of a recovery key', () => {
  it('are those of BIP-39’s published vectors', () => {
    // trezor/python-mnemonic, vectors.json
    expect(wordsOf(Buffer.alloc(32)).join(' ')).toBe(`${'abandon '.repeat(23)}art`);
    expect(wordsOf(Buffer.alloc(32, 0xff)).join(' ')).toBe(`${'zoo '.repeat(23)}vote`);
  });

  it.each([
    ['as they are', text],
    [
      'in capitals, with numbers, on lines',
      WORDS.map((word, i) => `${i + 1}. ${word.toUpperCase()}\n`).join(''),
    ],
    ['by their first four letters', WORDS.map((word) => word.slice(0, 4)).join(' ')],
  ])('are read %s', (_, given) => {
    expect(parseRecoveryWords(given, [KEY.id]).id).toBe(KEY.id);
    expect(parseRecoveryWords(given, []).id).toBe(KEY.id);
  });

  it.each([
    [
      'that are not on the list by their places',
      WORDS.with(6, 'holdfast').with(19, 'xyz'),
      [],
      'words 7, 20 are not on',
    ],
    ['that are too few', WORDS.slice(1), [], '23 words were given, a recovery key has 24'],
    ['of which one is another, by its place', WORDS.with(11, 'zebra'), [KEY.id], 'word 12 is different'],
    [
      'that changed places',
      WORDS.with(3, WORDS[4] ?? '').with(4, WORDS[3] ?? ''),
      [KEY.id],
      'words 4, 5 are different',
    ],
    ['that do not fit together', WORDS.with(1, 'zebra').with(2, 'zoo'), [], 'do not fit together'],
  ])('are refused where there are some %s', (_, words, known, message) => {
    const parse = () => parseRecoveryWords(words.join(' '), known);
    expect(parse).toThrow(
      expect.objectContaining({ code: 'E_BAD_KEY', message: expect.stringContaining(message) }),
    );
    // The message may end up in a log.
    try {
      parse();
    } catch (error) {
      for (const word of words.filter((one) => one.length > 4))
        expect(String(error)).not.toContain(` ${word} `);
    }
  });
});
