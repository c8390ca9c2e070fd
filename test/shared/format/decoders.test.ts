import { createHash, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHoldfastError } from '../../../shared/core/errors.ts';
import type { PackId } from '../../../shared/core/ids.ts';
import type { Json, JsonObject } from '../../../shared/core/json.ts';
import { MiB } from '../../../shared/core/units.ts';
import { isAuthentic } from '../../../shared/format/authenticated-json.ts';
import {
  decodeBounds,
  decodeBoundsList,
  encodeBounds,
  encodeBoundsList,
} from '../../../shared/format/bounds-item.ts';
import { decodeCatalog, rootNode } from '../../../shared/format/catalog.ts';
import type { ChunkRef } from '../../../shared/format/chunk-ref.ts';
import {
  decodeChain,
  encodeDeltaItem,
  encodeFull,
  encodeTable,
  mapOf,
} from '../../../shared/format/codec.ts';
import { decodeColumnMap, wantedParts } from '../../../shared/format/columns/column-map.ts';
import { applyDelta, encodeDelta } from '../../../shared/format/delta.ts';
import { parseManifest } from '../../../shared/format/manifest.ts';
import { PackBuilder, readDirectory } from '../../../shared/format/pack.ts';
import { openDetails, parseReport, sealDetails } from '../../../shared/format/report.ts';
import { type BodyKind, parseBody } from '../../../shared/format/report-bodies.ts';
import { checkRepositoryFile, parseRepositoryFile } from '../../../shared/format/repository-file.ts';
import {
  newPackSeal,
  openItem,
  openPackSeal,
  parsePackHeader,
  sealItem,
} from '../../../shared/format/seal.ts';
import {
  decodeInner,
  decodeLeaf,
  encodeInner,
  encodeLeaf,
  type NodeRef,
  PackNames,
} from '../../../shared/format/tree.ts';
import { ByteReader, ByteWriter } from '../../../shared/format/varint.ts';
import { compress, decompress } from '../../../shared/format/zstd.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { decodeChunks } from '../../../shared/repository/codec/chunk-decoder.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply, TEST_KEY } from '../../support/repository/engine.ts';
import { harmed, harmedJson, meets, takes } from '../../support/repository/harm.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../support/repository/torture.ts';

/** Largest chunk here. */
const MAX = 64 * 1024;
const key = randomBytes(32);
const run = '12'.repeat(16);

const random = seededRandom(5);
const hash = () => createHash('sha256').update(String(random())).digest();
const packs = Array.from({ length: 3 }, () => ({ id: hash().toString('hex') as PackId }));
const self = packs[0]!;

function refs(count: number): ChunkRef[] {
  return Array.from({ length: count }, (_, i) => ({
    id: hash(),
    plainBytes: 100 + i,
    records: i,
    endsInside: i % 7 === 0,
    before: Math.floor(random() * 2 ** 32),
    after: Math.floor(random() * 2 ** 32),
    chain: Array.from({ length: 1 + (i % 4) }, (__, step) => ({
      pack: packs[(i + step) % 3]!,
      offset: 88 + i * 50,
      storedBytes: 50,
    })),
  }));
}

function nodes(count: number): NodeRef[] {
  return Array.from({ length: count }, (_, i) => ({
    id: hash(),
    level: 0,
    chunks: 5,
    plainBytes: 500,
    records: i,
    after: i,
    location: { pack: packs[i % 3]!, offset: 88 + i * 9, storedBytes: 90 },
  }));
}

describe('numbers', () => {
  const writer = new ByteWriter();
  for (const n of [0, 1, 127, 128, 2 ** 32, 2 ** 53 - 1]) writer.varint(n);
  const read = (bytes: Uint8Array) => {
    const reader = new ByteReader(bytes, 'numbers');
    while (reader.left > 0) reader.varint();
  };
  const counts = (bytes: Uint8Array) => {
    const reader = new ByteReader(bytes, 'numbers');
    Array.from({ length: reader.count(1) });
    reader.signed();
    reader.bytes(reader.varint());
  };
  takes([Buffer.from(writer.finish())], read);
  meets('of any bytes are read or refused', harmed([Buffer.from(writer.finish())]), read);
  meets('that count things count no more than follow', harmed([Buffer.from([3, 2, 1, 0])]), counts);
});

describe('tree nodes', () => {
  const names = () => ({ packs: new PackNames(), self: { id: self.id } });
  const leaves = [1, 3, 40].map((count) => Buffer.from(encodeLeaf(refs(count), self)));
  const inner = [1, 20].map((count) => Buffer.from(encodeInner(nodes(count), self)));
  const leaf = (plain: Buffer) => decodeLeaf(plain, names().packs, names().self, 'leaf');
  const node = (plain: Buffer) => decodeInner(plain, 1, { ...names(), what: 'node' });
  takes(leaves, leaf);
  takes(inner, node);
  meets('leaves', harmed(leaves), leaf);
  meets('inner nodes', harmed(inner), node);
});

describe('least and greatest keys', () => {
  const ids = Array.from({ length: 40 }, hash);
  const chunks = ids.map((_, i) => {
    const bound = (more: number) => Uint8Array.from({ length: 1 + (i % 32) }, (__, at) => 90 + at + more);
    return i % 5 === 0 ? undefined : { least: bound(0), greatest: bound(i % 3) };
  });
  const keyId = hash().subarray(0, 8);
  const plain = decompress(encodeBounds({ keyId, chunks }, ids), MAX);
  const places = chunks.map((one, i) => one && { pack: packs[i % 3]!, offset: 88 + i * 9, storedBytes: 90 });
  const list = decompress(encodeBoundsList({ keyId, places }), MAX);
  const item = (bytes: Buffer) => decodeBounds(compress(bytes, 1), ids, 'bounds');
  const listed = (bytes: Buffer) => decodeBoundsList(compress(bytes, 1), new PackNames(), 'list');
  takes([plain], item);
  takes([list], listed);
  meets('of a leaf', harmed([plain]), item);
  meets('listed', harmed([list]), listed);
});

describe('maps of columns', () => {
  const table = seededRows(4000, 3).join('').replaceAll(' ', '\t');
  const item = encodeTable(Buffer.from(table), 3) ?? Buffer.alloc(0);
  const map = Buffer.from(mapOf(item) ?? []);
  const wanted = (bytes: Buffer) => {
    for (const { from, bytes: count } of wantedParts(decodeColumnMap(bytes, item.length), [0, 5]) ?? [])
      if (from + count > item.length) throw new Error('a part lies outside of its item');
  };
  takes([map], wanted);
  meets('lie in their item, or are refused', harmed([map]), wanted);
});

describe.each([1, 2] as const)('packs of version %i', (version) => {
  const seal = newPackSeal('data', run as never, key, hash(), version);
  const whole = (() => {
    const builder = new PackBuilder(seal, Buffer.alloc(4096));
    for (const size of [10, 200, 30]) builder.add(Buffer.alloc(size, 1));
    return Buffer.from(builder.close(true).bytes);
  })();
  const header = (bytes: Buffer) => openPackSeal(bytes, parsePackHeader(bytes, 'pack'), key, 'pack');
  const directory = (pack: Buffer) => {
    const opened = header(pack);
    for (const { offset, storedBytes } of readDirectory(pack, opened, 'pack'))
      openItem(opened, offset, pack.subarray(offset, offset + storedBytes), 'item');
  };
  /** The pack with other plain bytes in its directory, sealed as they should be. */
  const withDirectory = (plain: Buffer): Buffer => {
    const start = readDirectory(whole, seal, 'pack').reduce((end, item) => end + item.storedBytes, 88);
    const pack = Buffer.alloc(start + plain.length + 100);
    whole.copy(pack, 0, 0, start);
    const bytes = sealItem(seal, start, plain, pack, start);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes);
    const end = start + bytes;
    if (version === 1) length.copy(pack, end);
    return pack.subarray(0, end + (version === 1 ? 4 : sealItem(seal, end, length, pack, end)));
  };
  const sizes = Buffer.from(version === 1 ? [3, 26, 0xd8, 0x01, 46, 0, 0] : [3, 38, 0xe4, 0x01, 58, 0, 0]);
  takes([whole, withDirectory(sizes)], directory);
  meets('headers', harmed([whole.subarray(0, 88)]), header);
  meets('of any bytes', harmed([whole]), directory);
  meets('whose directory was sealed with any plain bytes', harmed([sizes]), (plain) =>
    directory(withDirectory(plain)),
  );

  it('are refused where their directory is padded with anything but zeros', () => {
    const padded = Buffer.from(sizes);
    padded[padded.length - 1] = 7;
    expect(() => directory(withDirectory(padded))).toThrow('padded with bytes other than zeros');
  });

  it('are refused with any byte changed', () => {
    const refused = Array.from(whole, (byte, at) => {
      const changed = Buffer.from(whole);
      changed[at] = byte ^ 0x10;
      try {
        directory(changed);
      } catch (error) {
        return isHoldfastError(error) ? error.code : 'another error';
      }
      return 'taken';
    });
    const codes = new Set(refused);
    expect([...codes].sort()).toEqual(['E_DAMAGED', 'E_NEWER_FORMAT', 'E_WRONG_KEY']);
  });
});

describe('a pack that two machines fill, both resumed from one that was stopped in the middle', () => {
  /** Both items as they are stored, and what was sealed. */
  const twice = (version: 1 | 2) => {
    const seal = newPackSeal('data', run as never, key, hash(), version);
    return [Buffer.from('balance 1000 EUR'), Buffer.from('balance 0001 USD')].map((plain) => {
      const buffer = Buffer.alloc(4096);
      const builder = new PackBuilder(seal, buffer);
      builder.add(Buffer.from('before it was stopped'));
      const { offset, storedBytes } = builder.add(plain);
      return { plain, offset, stored: Buffer.from(buffer.subarray(offset, offset + storedBytes)) };
    }) as [Filled, Filled];
  };
  type Filled = { plain: Buffer; offset: number; stored: Buffer };
  const xor = (a: Uint8Array, b: Uint8Array) => Buffer.from(a.map((byte, i) => byte ^ (b[i] ?? 0)));

  it('shows in version 1 how what they sealed differs: the nonce is the offset, for both', () => {
    const [a, b] = twice(1);
    expect(a.offset).toBe(b.offset);
    expect(xor(a.stored.subarray(0, 16), b.stored)).toEqual(xor(a.plain, b.plain));
  });

  it('has in version 2 another nonce for everything that differs', () => {
    const [a, b] = twice(2);
    expect(a.offset).toBe(b.offset);
    expect(a.stored.subarray(0, 12)).not.toEqual(b.stored.subarray(0, 12));
    expect(xor(a.stored.subarray(12, 28), b.stored.subarray(12))).not.toEqual(xor(a.plain, b.plain));
  });

  it('never uses a nonce of version 2 for two different plains, or in two places', () => {
    const seal = newPackSeal('data', run as never, key, hash(), 2);
    const nonces = new Map<string, string>();
    for (const plain of ['a', 'b', 'ab', '', 'a'])
      for (const offset of [88, 89, 2 ** 32 + 88]) {
        const stored = Buffer.alloc(64);
        sealItem(seal, offset, Buffer.from(plain), stored, 0);
        const nonce = stored.toString('hex', 0, 12);
        expect(nonces.get(nonce) ?? `${offset} ${plain}`).toBe(`${offset} ${plain}`);
        nonces.set(nonce, `${offset} ${plain}`);
      }
    expect(nonces.size).toBe(12);
  });
});

describe('chunks', () => {
  const base = Buffer.from(seededRows(100, 1).join(''));
  const next = Buffer.from(seededRows(100, 1).join('').replaceAll('7', '8'));
  const delta = encodeDelta(base, next);
  const full = [encodeFull(base, 3), encodeFull(base, 0)];
  const deltas = [encodeDeltaItem(delta, 9), encodeDeltaItem(delta, 0)];
  takes([delta], (bytes) => applyDelta(base, bytes, MAX));
  takes(full, (item) => decodeChain([item, deltas[0]!], MAX));
  meets('deltas', harmed([delta]), (bytes) =>
    expect(applyDelta(base, bytes, MAX).length).toBeLessThanOrEqual(MAX),
  );
  meets('whole', harmed(full), (item) => expect(decodeChain([item], MAX).length).toBeLessThanOrEqual(MAX));
  meets('chains', fc.tuple(harmed(full), harmed(deltas), harmed(deltas)), (chain) => decodeChain(chain, MAX));
  meets('chains of which only the last is harmed', harmed(deltas), (item) =>
    decodeChain([full[0]!, item], MAX),
  );
  const frames = [compress(base, 3), compress(Buffer.alloc(MAX), 19), compress(Buffer.alloc(32 * MAX), 3)];
  meets('zstd frames of anything, also of very much', harmed(frames), (frame) =>
    expect(decompress(frame, MAX).length).toBeLessThanOrEqual(MAX),
  );

  const seal = newPackSeal('data', run as never, key, hash());
  const number = fc.oneof(fc.nat(200), fc.constantFrom(2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53 - 1));
  meets(
    'of which the tree says anything',
    fc.tuple(number, number, fc.uint8Array({ maxLength: 32 })),
    ([plainBytes, records, id]) => {
      const stored = Buffer.alloc(full[0]!.length + 16);
      sealItem(seal, 88, full[0]!, stored, 0);
      const chain = [{ seal: 0, at: 0, storedBytes: stored.length, offset: 88 }];
      const batch = { buffer: stored.buffer as ArrayBuffer, seals: [{ ...seal, pack: 'pack' }] };
      const slice = chain.map((item) => ({ ...item, at: stored.byteOffset }));
      return decodeChunks(batch, [{ id, plainBytes, records, chain: slice }], MAX);
    },
  );
});

describe('documents', async () => {
  const store = new MemoryStore();
  await initRepository(store);
  const parsed = async (at: string) => {
    const { mac: _, ...document } = JSON.parse(Buffer.from(await store.get(at)).toString()) as JsonObject;
    return document;
  };
  await using repository = await openCheaply(store);
  const { key: backup } = await backUp(repository, { 'pre-data': 'x;\n', t: seededRows(50, 1).join('') });
  const details = { tables: ['t'] };
  const reports = {
    hold: { reason: 'audit' },
    verify: { depth: { kind: 'full' }, damaged: [backup], damagedPacks: [], findings: 1 },
    drill: { outcome: 'equal', restoreMs: 5, records: 50 },
  };
  const written = await Promise.all(
    Object.entries(reports).map(([kind, body]) =>
      repository.reports.write(kind as BodyKind, { backups: [backup], body, details }, never),
    ),
  );
  const manifest = await parsed(backup);
  const file = await parsed('repository.json');
  const catalog = (await repository.openBackup(backup, never)).catalog as unknown as Json;
  const documents = await Promise.all(written.map(parsed));

  /** A document as whoever has the key could have written it, and as whoever has not. */
  const sealed = (document: string) => {
    const body = Buffer.from(document.slice(0, -1));
    const mac = createHmac('sha256', key).update(body).digest('hex');
    return Buffer.concat([
      body,
      Buffer.from(`,
"mac":"${mac}"}
`),
    ]);
  };
  const raw = async (at: string) => harmed([Buffer.from(await store.get(at))]);
  const asManifest = (bytes: Uint8Array) => {
    isAuthentic(bytes, key);
    return parseManifest(bytes, backup);
  };
  const asFile = (bytes: Uint8Array) => {
    parseRepositoryFile(bytes);
    checkRepositoryFile(bytes, key);
  };
  const asReport = (at: string) => (bytes: Uint8Array) => {
    const report = parseReport(bytes, at);
    parseBody(report.kind as BodyKind, report);
  };
  const asCatalog = (document: string) => {
    const plain = Buffer.from(document);
    const id = createHash('sha256').update(plain).digest('hex');
    const { datasets } = decodeCatalog(compress(plain, 3), id, 'catalog');
    for (const { root } of datasets.flatMap(({ partitions }) => partitions))
      if (root) rootNode(root, new PackNames(), self);
  };
  takes([sealed(JSON.stringify(manifest))], asManifest);
  takes([JSON.stringify(catalog)], asCatalog, 20 * MiB);
  meets('manifests', harmedJson([manifest]), (document) => asManifest(sealed(document)));
  meets('manifests of any bytes', await raw(backup), asManifest);
  meets('repository.json', harmedJson([file]), (document) => asFile(sealed(document)));
  meets('repository.json of any bytes', await raw('repository.json'), asFile);
  for (const [i, at] of written.entries()) {
    takes([sealed(JSON.stringify(documents[i]!))], asReport(at));
    meets(`reports (${i})`, harmedJson([documents[i]!]), (document) => asReport(at)(sealed(document)));
  }
  meets('reports of any bytes', await raw(written[0]!), asReport(written[0]!));
  meets('catalogs', harmedJson([catalog]), asCatalog, 20 * MiB);
  meets(
    'catalogs of any bytes, hashed as they should be',
    harmed([Buffer.from(JSON.stringify(catalog))]),
    (plain) => decodeCatalog(compress(plain, 3), createHash('sha256').update(plain).digest('hex'), 'catalog'),
    20 * MiB,
  );
  const box = Buffer.from(sealDetails(details, key, 'report'), 'base64');
  meets(
    'details of reports',
    harmed([box]),
    (bytes) => openDetails(bytes.toString('base64'), key, 'report'),
    20 * MiB,
  );
});

describe('wrapped keys', () => {
  it(
    'of any bytes open or are refused',
    async () => {
      const keys = new HexKeyProvider(TEST_KEY);
      const context = { repository: run, run, purpose: 'data' } as const;
      const { wrapped, rootKeyId } = await keys.generateDataKey(context);
      const property = fc.asyncProperty(harmed([Buffer.from(wrapped, 'base64')]), async (bytes) => {
        const opening = keys.unwrapDataKey({ rootKeyId, wrapped: bytes.toString('base64') }, context);
        const same = bytes.equals(Buffer.from(wrapped, 'base64'));
        if (!same) await expect(opening).rejects.toMatchObject({ code: 'E_DAMAGED' });
        else expect((await opening).length).toBe(32);
      });
      await fc.assert(property, { numRuns: cases(40, 200, 33_000), seed: testSeed });
    },
    tortureTimeoutMs,
  );
});
