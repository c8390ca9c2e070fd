import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isHoldfastError } from '../../../../shared/core/errors.ts';
import { restoreMasked } from '../../../../shared/jobs/mask/restore-masked.ts';
import { type MaskRulesInput, parseMaskRules } from '../../../../shared/jobs/mask/rules.ts';
import { openPostgresTarget } from '../../../../shared/sources/postgres/target.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/postgres/target/round-trip.ts';
import { findLeaks } from './leaks.ts';
import { type RandomShop, randomShop } from './random-schemas.ts';

const COPIES = cases(2, 4, 100);
const nextOf = (column: string): 'follow' | 'keep' => (column === 'ref' ? 'follow' : 'keep');

/** Refusals until rules are right: one column at a time is mended. */
const MOST_REFUSALS = 60;

describe('masked copies of random databases of PostgreSQL', () => {
  let source: PostgresServer;
  let target: PostgresServer;

  beforeAll(async () => {
    [source, target] = await Promise.all([ownPostgres(18), ownPostgres(18)]);
  });
  afterAll(async () => {
    await Promise.all([source?.stop(), target?.stop()]);
  });

  /** The same rules, with one more column kept of those that the message names. */
  function mended(rules: MaskRulesInput, message: string): MaskRulesInput {
    const all = Object.entries(rules.tables).flatMap(([table, columns]) =>
      Object.entries(columns).map(([column, rule]) => ({ table, column, rule, next: nextOf(column) })),
    );
    const found = all.find(
      ({ table, column, rule, next }) => rule !== next && new RegExp(`${table}\\.${column}\\b`).test(message),
    );
    if (!found) throw new Error(`nothing to mend: ${message}`);
    const { table, column, next } = found;
    return { ...rules, tables: { ...rules.tables, [table]: { ...rules.tables[table], [column]: next } } };
  }

  async function copy(shop: RandomShop, name: string) {
    await using repository = await newRepository();
    const { key } = await backUpUrl(repository, source.url(name));
    const to = openPostgresTarget(await target.createDatabase(name), {}, {});
    let { rules } = shop;
    for (let refusals = 0; refusals < MOST_REFUSALS; refusals++) {
      try {
        const options = {
          maskRules: parseMaskRules(rules),
          maskSecret: `secret of ${name}, long`,
          signal: never,
        };
        return await restoreMasked(repository, key, to, options);
      } catch (error) {
        if (!isHoldfastError(error, 'E_MASK_RULES')) throw error;
        const made = await target.query(
          name,
          "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace",
        );
        expect(made.rows).toEqual([]);
        rules = mended(rules, error.message);
      }
    }
    throw new Error('too many refusals');
  }

  it(
    'either refuse rules before anything is written, or hold every constraint, every join and no original',
    async () => {
      const random = seededRandom(testSeed);
      for (let i = 0; i < COPIES; i++) {
        const name = `shop_${i}`;
        const shop = randomShop(random);
        await source.createDatabase(name);
        await source.query(name, shop.sql);
        const result = await copy(shop, name);
        expect(result.comparison.every(({ equal }) => equal)).toBe(true);
        await target.query(name, 'CHECKPOINT');
        const nulled = new Set(
          result.columns.filter(({ mask }) => mask === 'null').map(({ column }) => column),
        );
        for (const [column, sql] of Object.entries(shop.joins))
          if (!nulled.has(column))
            expect((await target.query(name, sql)).rows, shop.sql).toEqual(
              (await source.query(name, sql)).rows,
            );
        const masked = result.columns.filter(({ mask }) => mask !== 'keep').map(({ column }) => column);
        const marks = Object.entries(shop.marks).filter(([column]) => masked.includes(column));
        expect(await findLeaks(target.dataFolder, Object.fromEntries(marks)), shop.sql).toEqual([]);
        // Every file is read for each copy: those of the copies before would be most of them.
        for (const server of [source, target])
          await server.query('postgres', `DROP DATABASE ${name} WITH (FORCE)`);
      }
    },
    tortureTimeoutMs,
  );
});
