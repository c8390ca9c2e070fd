import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeText, encodeText, hasBytes } from '../../../../../shared/sources/byte-text.ts';
import { anyText } from '../../../../support/any-text.ts';
import { cases } from '../../../../support/repository/torture.ts';

it('bytes that are decoded and encoded are what they were, UTF-8 or not', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 5 }),
    anyText({ maxLength: 5 }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const bytes = Buffer.concat(pieces);
      expect(encodeText(decodeText(bytes)).equals(bytes)).toBe(true);
      expect(hasBytes(decodeText(bytes))).toBe(!isUtf8(bytes));
    }),
    { numRuns: cases(400, 2000, 20000) },
  );
});
