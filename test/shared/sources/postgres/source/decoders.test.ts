import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CopyFrames } from '../../../../../shared/sources/postgres/copy/copy-out-frames.ts';
import { showRestrict } from '../../../../../shared/sources/postgres/pg-dump/pg-dump-restrict.ts';
import { splitStatements } from '../../../../../shared/sources/postgres/pg-dump/statements.ts';
import { identityOf, parseToc, withoutOwner } from '../../../../../shared/sources/postgres/pg-dump/toc.ts';
import { rolesToRestore } from '../../../../../shared/sources/postgres/roles/restore-roles.ts';
import { copyRows, parseCopyRow } from '../../../../../shared/sources/postgres/text/copy-text.ts';
import { harmed, meets, takes } from '../../../../support/repository/harm.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../../support/repository/torture.ts';

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, 'latin1');
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

describe('answers to COPY', () => {
  const row = message('d', Buffer.from('1\tone\n'));
  const error = message('E', Buffer.from('SERROR\0C57014\0Mcanceled\0\0'));
  const answer = Buffer.concat([
    message('H', Buffer.alloc(3)),
    row,
    row,
    error,
    message('Z', Buffer.from('I')),
  ]);
  /** All rows of the answer, which comes in pieces of `step` bytes and is taken in blocks of 64. */
  const rowsOf = (bytes: Buffer, step: number): string => {
    const frames = new CopyFrames(64);
    let rows = '';
    for (let from = 0; from < bytes.length; from += step) {
      const piece = bytes.subarray(from, from + step);
      for (let at = 0; at < piece.length; ) {
        const next = frames.consume(piece, at);
        if (!frames.full) expect(next).toBe(piece.length);
        if (frames.full || next === piece.length) rows += Buffer.from(frames.take()).toString('latin1');
        at = next;
      }
    }
    return rows;
  };
  takes([answer], (bytes) => rowsOf(bytes, 7));
  meets('of any bytes come to an end', harmed([answer]), (bytes) => rowsOf(bytes, bytes.length || 1));

  it(
    'give the same rows in whatever pieces they come',
    () => {
      const property = fc.property(harmed([answer]), fc.integer({ min: 1, max: 40 }), (bytes, step) => {
        expect(rowsOf(bytes, step)).toBe(rowsOf(bytes, bytes.length || 1));
      });
      fc.assert(property, { numRuns: cases(40, 200, 33_000), seed: testSeed });
    },
    tortureTimeoutMs,
  );

  const lines = harmed([Buffer.from('1\t\\N\tx\\ty\\\\\n2\t\\b\\f\t\n')]);
  meets('rows of any text', lines, (bytes) => parseCopyRow(bytes.toString()));

  it(
    'rows come alike in whatever blocks',
    async () => {
      const property = fc.asyncProperty(lines, fc.integer({ min: 1, max: 9 }), async (bytes, step) => {
        const blocks = async function* () {
          for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
        };
        const whole = bytes
          .toString('utf8', 0, bytes.lastIndexOf(10) + 1)
          .split('\n')
          .slice(0, -1);
        if (bytes.every((byte) => byte < 0x80))
          expect(await Array.fromAsync(copyRows(blocks()))).toEqual(whole);
      });
      await fc.assert(property, { numRuns: cases(40, 200, 33_000), seed: testSeed });
    },
    tortureTimeoutMs,
  );
});

describe('what pg_dump writes', () => {
  const header = (name: string, type: string) =>
    `--\n-- Name: ${name}; Type: ${type}; Schema: public; Owner: shop\n--\n\n`;
  const dump = Buffer.from(
    `--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n\n${header('f()', 'FUNCTION')}CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ SELECT ';' $_$;\n\n\nALTER FUNCTION public.f() OWNER TO shop;\n\nSET default_tablespace = '';\n\n${header('t', 'TABLE')}CREATE TABLE public.t (a integer /* ; */, b text DEFAULT E'\\'' );\n\n\n${header('TABLE t', 'ACL')}GRANT SELECT ON TABLE public.t TO "odd ""role";\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n`,
  );
  const read = (bytes: Buffer) => {
    const { entries } = parseToc(bytes.toString());
    for (const entry of entries) [identityOf(entry), withoutOwner(entry), rolesToRestore(entry)];
    return entries;
  };
  takes([dump], (bytes) => expect(read(bytes)).toHaveLength(3));
  meets('of any text is taken apart', harmed([dump]), read);
  meets('statements of any text are all of it', harmed([dump]), (bytes) =>
    expect(splitStatements(bytes.toString()).join('')).toBe(bytes.toString()),
  );
  meets(
    'words that stand in for others',
    harmed([Buffer.from('\\restrict x\n\x1aunrestrict\n')]),
    showRestrict,
  );
});
