import { beforeAll, describe, expect, it } from 'vitest';
import { readMaskReport } from '../../../../shared/jobs/mask/mask-report.ts';
import { writeEvidence } from '../../../../shared/repository/documents/evidence.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  backUp,
  initRepository,
  never,
  openCheaply,
  openRepository,
} from '../../../support/repository/engine.ts';
import { makeSigning, opensslSays, replace, withRightMac } from '../../../support/repository/signing.ts';

const BODY = { masked: 3, kept: 1, rulesSha256: 'ab'.repeat(32) };
const DETAILS = { target: 'copy', columns: [{ column: 'public.t.mail', mask: 'email', follows: null }] };

describe('a signed report of a masked copy', () => {
  const store = new MemoryStore();
  let keys: Awaited<ReturnType<typeof makeSigning>>;
  let report: string;
  let backup: string;
  let written: Uint8Array;

  beforeAll(async () => {
    await initRepository(store);
    keys = await makeSigning();
    await using repository = await openRepository(store, { signing: keys.signing });
    const { key } = await backUp(repository, { rows: 'one\n' });
    backup = key;
    report = await writeEvidence(repository, 'mask', {
      report: { backups: [key], body: BODY, details: DETAILS },
      onUnsigned: (why) => expect.unreachable(why),
      signal: never,
    });
    written = await store.get(report);
  });

  async function read(bytes: Uint8Array, open: Parameters<typeof openCheaply>[1] = {}) {
    await replace(store, report, bytes);
    await using repository = await openCheaply(store, { signing: keys.checking, ...open });
    return readMaskReport(repository, report, never);
  }

  it('is one that OpenSSL calls signed, and is read with what vouches for it', async () => {
    expect(await opensslSays(written, keys.publicText, 'Ed25519')).toBe(true);
    const whole = { key: report, backup, body: BODY };
    expect(await read(written)).toMatchObject({ ...whole, details: DETAILS, proof: 'signed' });
    // The signature can be checked without any key of the repository; what is sealed stays so.
    expect(await read(written, { keys: undefined })).toMatchObject({
      ...whole,
      details: undefined,
      proof: 'signed',
    });
    expect(await read(written, { signing: { publicKeys: [] } })).toMatchObject({
      ...whole,
      proof: 'authentic',
    });
  });

  it.each([
    ['a count', '"masked":3', '"masked":4'],
    ['the sum of the rules', '"rulesSha256":"ab', '"rulesSha256":"aa'],
    ['the kind of key', '"purpose":"index"', '"purpose":"indey"'],
  ])('is refused if %s was changed, with and without the key of the repository', async (_, from, to) => {
    const text = Buffer.from(written).toString('latin1');
    const changed = Buffer.from(text.replace(from, to), 'latin1');
    expect(changed.equals(written)).toBe(false);
    for (const open of [{}, { keys: undefined }])
      await expect(read(changed, open)).rejects.toMatchObject({
        code: 'E_DAMAGED',
        message: expect.stringContaining(report),
      });
  });

  it('is refused if any bit of it was changed', async () => {
    for (let at = 0; at < written.length; at += 7) {
      const changed = Buffer.from(written);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(read(changed), `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/^E_(DAMAGED|NEWER_FORMAT|WRONG_KEY|FOREIGN_REPOSITORY)$/),
      });
    }
  });

  it('is not called signed if somebody with the key of the repository wrote it again', async () => {
    await replace(store, report, written);
    const forged = await withRightMac(store, report, ({ signature: _, ...document }) => ({
      ...document,
      body: { ...BODY, masked: 9 },
    }));
    expect(await read(forged)).toMatchObject({ body: { masked: 9 }, proof: 'authentic' });
    await expect(read(forged, { keys: undefined })).resolves.toMatchObject({ proof: 'none' });
    const { signature } = JSON.parse(Buffer.from(written).toString());
    const text = forged.toString();
    const end = text.lastIndexOf('\n"mac"');
    const borrowed = `${text.slice(0, end)}\n"signature":${JSON.stringify(signature)},${text.slice(end)}`;
    await expect(read(Buffer.from(borrowed))).rejects.toMatchObject({ code: 'E_DAMAGED' });
  });
});
