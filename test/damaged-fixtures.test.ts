import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isHoldfastError } from '../shared/core/errors.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import { verifyBackups } from '../shared/jobs/verify/verify.ts';
import { FolderStore } from '../shared/store/folder-store.ts';
import { describeWithPart } from './support/parts.ts';
import { digests, never, openCheaply, TEST_KEY } from './support/repository/engine.ts';
import { Refused, readRepository } from './support/repository/page-reader.ts';
import { sample } from './support/repository/torture.ts';
import { newFolder } from './support/temporary.ts';

const run = promisify(execFile);
const WHOLE = path.resolve('test/fixtures/repositories/format-1');

/** What the two backups of the whole fixture hold, by SHA-256. */
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** As it is stored: with the newline that its last line has not. */
const NO_NEWLINE = createHash('sha256')
  .update(`${await readFile('test/fixtures/lines/1/no newline.txt', 'utf8')}\n`)
  .digest('hex');
const HELD: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'backups/daily/20261124/backup_daily_20261124_144336.json': {
    'empty.txt': EMPTY,
    'no newline.txt': NO_NEWLINE,
    'rows.txt': 'cbb62b38029325eae1e571b3bff4176f6a7e10dbcf6181d3bdd7f4a55b036052',
  },
  'backups/daily/20261124/backup_daily_20261124_144337.json': {
    'empty.txt': EMPTY,
    'no newline.txt': NO_NEWLINE,
    'rows.txt': 'fee051ae390c8247ca80aa429a8f5f0feeb7c380096d4f49a341e62b9d5c7334',
  },
};

type Edit =
  | { readonly flip: string; readonly byte: number; readonly bit: number }
  | { readonly cut: string; readonly bytes: number }
  | { readonly remove: string }
  | { readonly copy: string; readonly over: string }
  | { readonly replace: string; readonly text: string; readonly by: string };

/** A damaged repository: how it comes from the whole one, and what is said of it, by every release from now on. */
interface Damaged {
  readonly edits: readonly Edit[];
  /** What opening it fails with; missing where it opens. */
  readonly opens?: string;
  /** The object at fault, and the backups that need it. */
  readonly finding?: { readonly object: string; readonly code: string; readonly backups: readonly string[] };
  /** Backups that are not restored. All others give back what they held. */
  readonly lost?: readonly string[];
}

const DAMAGED = JSON.parse(
  await readFile('test/fixtures/repositories/format-1-damaged.json', 'utf8'),
) as Readonly<Record<string, Damaged>>;

async function make({ edits }: Damaged): Promise<string> {
  const folder = path.join(await newFolder(), 'repository');
  await cp(WHOLE, folder, { recursive: true });
  for (const edit of edits) await apply(edit, (object) => path.join(folder, object));
  return folder;
}

async function apply(edit: Edit, file: (object: string) => string): Promise<void> {
  if ('remove' in edit) await rm(file(edit.remove));
  else if ('copy' in edit) await cp(file(edit.copy), file(edit.over));
  else if ('cut' in edit)
    await writeFile(file(edit.cut), (await readFile(file(edit.cut))).subarray(0, edit.bytes));
  else if ('flip' in edit) {
    const bytes = await readFile(file(edit.flip));
    bytes[edit.byte] = (bytes[edit.byte] ?? 0) ^ (1 << edit.bit);
    await writeFile(file(edit.flip), bytes);
  } else {
    const text = await readFile(file(edit.replace), 'utf8');
    expect(text).toContain(edit.text);
    await writeFile(file(edit.replace), text.replace(edit.text, edit.by));
  }
}

const opening = Object.entries(DAMAGED).filter(([, { opens }]) => opens === undefined);

describe('a repository of format 1', () => {
  it('restores to known bytes', async () => {
    await using repository = await openCheaply(new FolderStore(WHOLE));
    for (const [key, held] of Object.entries(HELD))
      expect(await digests(repository, key as BackupKey)).toEqual(held);
  });

  it.each(Object.entries(DAMAGED).filter(([, { opens }]) => opens))(
    'that is damaged, %s, does not open',
    async (_, damaged) => {
      const store = new FolderStore(await make(damaged));
      await expect(openCheaply(store)).rejects.toMatchObject({ code: damaged.opens });
    },
  );

  it.each(sample(opening, 8))(
    'that is damaged, %s, is found to be, and gives only right bytes',
    async (_, damaged) => {
      const { finding, lost = [] } = damaged;
      await using repository = await openCheaply(new FolderStore(await make(damaged)));
      const keys = await repository.backupKeys(never);
      const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
      // The object may be named where what it holds is missed.
      const named = findings.filter(({ object, problem }) =>
        `${object} ${problem}`.includes(finding?.object ?? ''),
      );
      expect(findings).toEqual(named);
      expect(named.map(({ code }) => code)).toContain(finding?.code);
      expect(new Set(named.flatMap(({ backups }) => backups))).toEqual(new Set(finding?.backups));
      for (const key of keys) {
        const restored = await digests(repository, key).catch((error: unknown) => {
          if (!isHoldfastError(error)) throw error;
          return error.code;
        });
        if (lost.includes(key))
          expect(['E_DAMAGED', 'E_WRONG_KEY', 'E_NEWER_FORMAT', 'E_FOREIGN_REPOSITORY']).toContain(restored);
        else expect(restored).toEqual(HELD[key]);
      }
    },
  );
});

describe('the reader that was written from docs/reference/format.md alone', () => {
  it.each(sample(Object.entries(DAMAGED), 8))(
    'refuses a repository that is damaged, %s',
    async (_, damaged) => {
      const folder = await make(damaged);
      expect(() => readRepository(folder, TEST_KEY)).toThrow(Refused);
    },
  );
});

describeWithPart('python-reader', 'the reader in Python', () => {
  const read = (folder: string, key: string) =>
    run('/usr/bin/python3', ['tools/read-repository.py', folder, key, 'rows.txt'], {
      env: { BACKUP_ENCRYPTION_KEY: TEST_KEY },
      maxBuffer: 2 ** 26,
      encoding: 'buffer',
    });

  it('restores a repository of format 1 to known bytes', async () => {
    for (const [key, held] of Object.entries(HELD)) {
      const { stdout } = await read(WHOLE, key);
      expect(createHash('sha256').update(stdout).digest('hex')).toBe(held['rows.txt']);
    }
  });

  const SOME = [
    'flipped-chunk-pack',
    'flipped-padding-of-a-pack',
    'older-tree-pack-for-the-newer',
    'flipped-manifest',
  ];
  it.each(
    sample(
      opening.filter(([name]) => SOME.includes(name)),
      2,
    ),
  )('gives of %s right bytes or none', async (_, damaged) => {
    const folder = await make(damaged);
    for (const [key, held] of Object.entries(HELD)) {
      const out = await read(folder, key).then(
        ({ stdout }) => createHash('sha256').update(stdout).digest('hex'),
        (error: { readonly code: number }) => void expect(error.code).not.toBe(0),
      );
      if (out !== undefined) expect(out).toBe(held['rows.txt']);
      else expect(damaged.lost).toContain(key);
    }
  });
});
