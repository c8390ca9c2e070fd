import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../shared/core/json.ts';
import { parseJson } from '../../../shared/format/json-text.ts';
import { parseRunBody, type RunBodyKind } from '../../../shared/format/run-bodies.ts';
import { encodeRunDocument, openRunDocument, parseRunDocument } from '../../../shared/format/run-document.ts';
import { judgedBy } from '../../../shared/jobs/backup/run-plan.ts';
import { RunDocuments } from '../../../shared/repository/documents/run-documents.ts';
import { decodeShare } from '../../../shared/repository/writing/written-share.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, never, openCheaply } from '../../support/repository/engine.ts';
import { harmed, harmedJson, meets, takes } from '../../support/repository/harm.ts';
import { seededRows } from '../../support/repository/rows.ts';
import {
  backUpInShares,
  type PartData,
  plan,
  readShares,
  sharedSource,
} from '../../support/repository/shares.ts';
import { cases, testSeed } from '../../support/repository/torture.ts';

const plain = randomBytes(32);
const run = '12'.repeat(16);
const repository = '34'.repeat(16);
const key = `runs/${run}/plan`;
const entry = { run, purpose: 'index', rootKeyId: 'hex:0123456789abcdef', wrapped: 'AAAA' } as const;
const encode = (body: JsonObject, at = key) =>
  encodeRunDocument({ repository, key: at, body }, { entry, plain });
const decode = (bytes: Uint8Array, by: Uint8Array = plain) =>
  openRunDocument(parseRunDocument(bytes, { repository, key }), by);

describe('a document of a run', () => {
  it('gives back whatever was sealed in it, and shows nothing of that', () => {
    const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (value) => {
      const body = JSON.parse(JSON.stringify({ ...value, secret: 'a-table-that-nobody-may-know' }));
      const bytes = encode(body);
      expect(decode(bytes)).toEqual(body);
      expect(bytes.toString('latin1')).not.toContain('nobody-may-know');
    });
    fc.assert(property, { numRuns: cases(25, 100, 10_000), seed: testSeed });
  });

  it('is sealed anew each time, with a key of its own', () => {
    const sealed = [encode({}), encode({})].map((bytes) => parseRunDocument(bytes, { repository, key }));
    expect(new Set(sealed.map(({ salt }) => salt)).size).toBe(2);
    expect(new Set(sealed.map(({ sealed: text }) => text)).size).toBe(2);
  });

  it('opens with no other key, at no other place, in no other repository, and says which it is', () => {
    const bytes = encode({ a: 1 });
    const refused = (code: string, message: string) =>
      expect.objectContaining({ code, message: expect.stringContaining(message) });
    expect(() => decode(bytes, randomBytes(32))).toThrow(
      refused('E_DAMAGED', 'another key than the one it names'),
    );
    expect(() => decode(encode({}, `runs/${run}/share-0`))).toThrow(refused('E_DAMAGED', 'share-0'));
    expect(() => parseRunDocument(bytes, { repository: run, key })).toThrow(refused('E_DAMAGED', repository));
    const changed = (from: string, to: string) => () =>
      decode(Buffer.from(bytes.toString().replace(from, to)));
    expect(changed('holdfast-run', 'holdfast-report')).toThrow(
      refused('E_FOREIGN_REPOSITORY', 'holdfast-run'),
    );
    expect(changed('"version":1', '"version":2')).toThrow(refused('E_NEWER_FORMAT', 'version 2'));
    expect(changed('"index"', '"manifest"')).toThrow(refused('E_DAMAGED', 'manifest key'));
    expect(changed('{', '[')).toThrow(refused('E_DAMAGED', key));
    const moved = {
      ...parseRunDocument(encode({}, `runs/${run}/share-0`), { repository, key: `runs/${run}/share-0` }),
    };
    const forged = Buffer.from(JSON.stringify({ ...moved, key }));
    expect(() => decode(forged)).toThrow(refused('E_DAMAGED', 'changed after it was sealed'));
  });
});

describe('damaged documents of runs', async () => {
  const data: PartData = { t: [seededRows(50, 1).join(''), seededRows(50, 2).join('')], u: ['one\n'] };
  const store = new MemoryStore();
  await initRepository(store);
  await using opened = await openCheaply(store);
  await backUpInShares(opened, sharedSource(data));
  const source = sharedSource({ ...data, u: ['two\n'] });
  await using planned = await plan(opened, source, { shareBytes: 1, note: 'n' });
  await readShares(opened, source, planned);
  const documents = new RunDocuments(opened.context, planned.run);
  const bodyOf = async (name: string, kind: RunBodyKind) => (await documents.get(name, kind, never)) as Json;
  const planBody = await bodyOf('plan', 'plan');
  const shares = await Promise.all(planned.shares.map(({ share }) => bodyOf(`share-${share}`, 'share')));
  const written = Buffer.from(await store.get(`runs/${planned.run}/plan`));
  const place = { repository: opened.id, key: `runs/${planned.run}/plan` };
  const parse = (bytes: Uint8Array) => openRunDocument(parseRunDocument(bytes, place), plain);
  const body = (document: string) => parseJson(Buffer.from(document), 'a document') as JsonObject;
  const asPlan = (document: string) => judgedBy(parseRunBody('plan', body(document), 'a plan'));
  const asShare = (document: string) =>
    decodeShare(parseRunBody('share', body(document), 'a share'), 'a share');

  takes([JSON.stringify(planBody)], asPlan);
  takes(
    shares.map((share) => JSON.stringify(share)),
    asShare,
  );
  takes([written], (bytes) => parseRunDocument(bytes, place));
  meets('of any bytes', harmed([written, encode({ a: 1 })]), parse);
  meets('of any members', harmedJson([JSON.parse(written.toString())]), (text) => parse(Buffer.from(text)));
  meets('whose sealed part is another', harmed([Buffer.from(encode({ a: 1 }))]), decode);
  meets('plans, sealed as they should be', harmedJson([planBody]), asPlan);
  meets('shares, sealed as they should be', harmedJson(shares), asShare);
});
