import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { toSourceError } from '../../../../../shared/sources/postgres/errors.ts';

describe('what a server says', () => {
  it.each([
    ['XX000', 'could not open relation with OID 16402', 'E_SOURCE_CHANGED'],
    ['XX000', 'cache lookup failed for function 16433', 'E_SOURCE_CHANGED'],
    ['XX000', 'tuple concurrently updated', 'E_SOURCE_CHANGED'],
    ['42P01', 'relation "public.t" does not exist', 'E_SOURCE_CHANGED'],
    ['42704', 'type "mood" does not exist', 'E_SOURCE_CHANGED'],
    ['XX000', 'unexpected data beyond EOF in block 3', 'E_SOURCE_FAILED'],
    ['XX001', 'invalid page in block 7 of relation base/5/16402', 'E_SOURCE_FAILED'],
  ])('%s %s is %s', (state, message, code) => {
    const error = new pg.DatabaseError(message, message.length, 'error');
    error.code = state;
    const said = toSourceError(error, { server: 'postgres://db:5432/shop', phase: 'query' });
    expect(said).toMatchObject({ code, details: { sqlState: state } });
  });
});
