import { describe, expect, test } from 'vitest';
import { queryMessage } from '../../../../../shared/sources/postgres/connection/stream.ts';
import { FrontendMessages } from '../../../../../shared/sources/postgres/pg-dump/pg-dump-frontend.ts';
import { completeQuery } from '../../../../../shared/sources/postgres/pg-dump/pg-dump-queries.ts';
import {
  hideRestrict,
  showRestrict,
} from '../../../../../shared/sources/postgres/pg-dump/pg-dump-restrict.ts';

const startup = Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]);
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const terminate = Buffer.from('X\0\0\0\x04');

describe('what pg_dump writes', () => {
  test('is cut into messages however it is split', () => {
    const all = Buffer.concat([
      sslRequest,
      startup,
      queryMessage('SELECT 1'),
      queryMessage('SELECT 2'),
      terminate,
    ]);
    for (const size of [1, 3, 7, 1000]) {
      const frontend = new FrontendMessages();
      const events = [];
      for (let at = 0; at < all.length; at += size)
        events.push(...frontend.push(all.subarray(at, at + size)));
      const sent = events.flatMap((event) => (event.kind === 'messages' ? [Buffer.from(event.bytes)] : []));
      expect(events.slice(0, 2).map(({ kind }) => kind)).toEqual(['encryption-request', 'startup']);
      expect(Buffer.concat(sent)).toEqual(
        Buffer.concat([queryMessage('SELECT 1'), queryMessage('SELECT 2')]),
      );
      expect(events.some((event) => event.kind === 'messages' && !event.answered)).toBe(false);
    }
  });

  test('waits for no answer while a message is not whole', () => {
    const frontend = new FrontendMessages();
    frontend.push(startup);
    const query = queryMessage('SELECT 1');
    expect(frontend.push(query.subarray(0, 8))).toEqual([]);
    expect(frontend.push(query.subarray(8))).toMatchObject([{ kind: 'messages', answered: true }]);
  });
});

test('a query for column options leaves out what servers keep there for themselves', () => {
  const completed = completeQuery(
    queryMessage("SELECT é, array_to_string(a.attoptions, ', ') AS attoptions"),
  );
  expect(completed.readInt32BE(1)).toBe(completed.length - 1);
  expect(completed.toString()).toContain("NOT LIKE 'pg\\_attver=%'");
  const other = queryMessage('SELECT 1');
  expect(completeQuery(other)).toBe(other);
});

test('lines that look like psql commands are hidden and come back', () => {
  const text = 'a\n\\restrict x\n\\UNrestrict\n\\r \\\\restrict\n\\';
  const hidden = hideRestrict(Buffer.from(text));
  expect(hidden).toHaveLength(text.length);
  expect(hidden.toString()).not.toMatch(/^\\(un)?restrict/im);
  expect(showRestrict(hidden).toString()).toBe(text);
});
