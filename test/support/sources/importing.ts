import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { importBackup } from '../../../shared/jobs/restore/import.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { importFirebase } from '../../../shared/sources/firebase-rtdb/import.ts';
import type { ImportOptions } from '../../../shared/sources/import.ts';
import { never } from '../repository/engine.ts';
import { newFolder } from '../temporary.ts';

export const IMPORTED_AT = new Date('2024-03-01T02:00:00Z');

export interface ImportFileOptions extends Partial<ImportOptions> {
  readonly sourceName?: string;
  readonly at?: Date;
  readonly type?: string;
}

/** Puts a content into a file of its own and imports that. */
export async function importContent(
  repository: Repository,
  content: string | Uint8Array,
  { sourceName = 'https://game.example', at = IMPORTED_AT, type, ...options }: ImportFileOptions = {},
) {
  const name = path.join(await newFolder(), 'file.json');
  await writeFile(name, content);
  await using file = await importFirebase(name, {
    format: 'auto',
    passphrase: undefined,
    signal: never,
    ...options,
  });
  const source = { kind: 'firebase-rtdb', name: sourceName } as const;
  return await importBackup(repository, file, { source, at, type, signal: never });
}

/** What the database answers to a plain request for all of it: nothing of the product is used. */
export async function plainTree(url: string): Promise<string> {
  const answer = await fetch(`${url}/.json?format=export`);
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer.text();
}
