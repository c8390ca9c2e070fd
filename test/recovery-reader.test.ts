import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { HexKeyProvider } from '../shared/keys/hex-key-provider.ts';
import { Repository } from '../shared/repository/repository.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { describeWithPart } from './support/parts.ts';
import { backUp, never, openCheaply, SMALL_CHUNKS, TEST_KEY } from './support/repository/engine.ts';
import { addRecovery, SealedKeys } from './support/repository/recovery.ts';
import { seededRows } from './support/repository/rows.ts';
import { turns } from './support/repository/torture.ts';
import { newFolder } from './support/temporary.ts';

const it = turns(2);

/*
 * The reader in Python, with its own ML-KEM, X-Wing and HPKE, written from docs/reference/format.md and the standards: what Holdfast wrapped must
 * open without Holdfast, without the root key, and without KMS.
 */

const run = promisify(execFile);

async function python(args: readonly string[], env: Record<string, string>): Promise<string> {
  const { stdout } = await run('/usr/bin/python3', args, { env, maxBuffer: 2 ** 26 });
  return stdout;
}

const rows = seededRows(400, 1);
const texts = [1, 2].map((round) =>
  rows.map((row, i) => (i % 50 === round ? row.replace('\t', '\tnew ') : row)).join(''),
);

describeWithPart('python-reader', 'the reader in Python, with the hex digits of a recovery sheet,', () => {
  it.each([
    { title: 'a root key of hex digits', keys: new HexKeyProvider(TEST_KEY) },
    { title: 'a root key that never leaves its place', keys: new SealedKeys() },
  ])('gives what backups hold, from before and after it was made, under $title', async ({ keys }) => {
    const folder = await newFolder();
    const store = new FolderStore(folder);
    await Repository.init({ store, keys, chunker: SMALL_CHUNKS, signal: never });
    await using repository = await openCheaply(store, { keys });
    const first = await backUp(repository, { t: texts[0] ?? '' });
    const { seed } = await addRecovery(repository);
    const second = await backUp(repository, { t: texts[1] ?? '' });
    const env = { HOLDFAST_RECOVERY_HEX: Buffer.from(seed).toString('hex') };
    const read = (key: string) => python(['tools/read-repository.py', folder, key, 't'], env);
    expect(await read(first.key)).toBe(texts[0]);
    expect(await read(second.key)).toBe(texts[1]);
    const other = { HOLDFAST_RECOVERY_HEX: '07'.repeat(32) };
    await expect(python(['tools/read-repository.py', folder], other)).rejects.toMatchObject({
      stderr: expect.stringContaining('the repository has no recovery key'),
    });
  });

  it('agrees with the published vectors of X-Wing', async () => {
    const program = `
import json, sys
sys.path.insert(0, 'tools')
from recovery_key import XWing
for vector in json.load(open('test/fixtures/recovery/x-wing.json')):
    key = XWing(bytes.fromhex(vector['seed']))
    print(key.public.hex() == vector['pk'], key.decapsulate(bytes.fromhex(vector['ct'])).hex() == vector['ss'])
`;
    expect(await python(['-c', program], {})).toBe('True True\n'.repeat(3));
  });
});
