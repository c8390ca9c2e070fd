import path from 'node:path';
import { HoldfastError } from '../../core/errors.ts';
import type { ImportedFile, ImportOptions } from '../import.ts';
import { dateOfFile, typeOfFile } from './import/date.ts';
import { type DecodedFile, decodeFile } from './import/decode.ts';
import { IMPORT_FORMATS, type ImportFormat } from './import/formats.ts';
import { OriginalFile } from './import/original.ts';
import { RecordBuilder } from './import/records.ts';
import { RecordSpool } from './import/spool.ts';
import { ImportView, TopNodes } from './import/view.ts';
import { MOST_DATASETS } from './reading/datasets.ts';
import { JsonTokens } from './text/json-tokens.ts';

/** Reads an export of Firebase, or a backup of the original system, to its end. */
export async function importFirebase(file: string, options: ImportOptions): Promise<ImportedFile> {
  const { signal } = options;
  const decoded = await decodeFile(file, options);
  const format = IMPORT_FORMATS.find((known) => known.format === options.format)?.format ?? formatOf(decoded);
  const spool = await RecordSpool.open(MOST_DATASETS + 1);
  try {
    const { metadata, tops } = await readInto(spool, decoded, { format, signal });
    if (options.format === 'auto' && format === 'firebase') refuseAmbiguous(tops);
    if (tops.isEmpty)
      throw new HoldfastError('E_EMPTY_READ', 'the file holds no data', {
        hint: 'Nothing was stored: a file without data is never taken for a backup.',
      });
    const fileName = path.basename(file);
    const type = format === 'original' ? typeOfFile(metadata, fileName) : undefined;
    const view = new ImportView(spool, tops, aboutFile(format, { type, isEncrypted: decoded.isEncrypted }));
    return {
      view,
      format,
      isEncrypted: decoded.isEncrypted,
      date: dateOfFile(metadata, fileName),
      sha256: decoded.sha256(),
      [Symbol.asyncDispose]: () => view[Symbol.asyncDispose](),
    };
  } catch (error) {
    await spool[Symbol.asyncDispose]();
    throw error;
  }
}

/** Only the original encrypted. */
function formatOf({ isEncrypted }: DecodedFile): ImportFormat {
  return isEncrypted ? 'original' : 'firebase';
}

async function readInto(
  spool: RecordSpool,
  { text }: DecodedFile,
  { format, signal }: { readonly format: ImportFormat; readonly signal: AbortSignal },
) {
  const tops = new TopNodes();
  const records = new RecordBuilder({
    take: (record) => spool.add(record),
    sawLeaf: (top, depth) => tops.saw(top, depth),
  });
  const original = format === 'original' ? new OriginalFile(records) : undefined;
  const tokens = new JsonTokens(original ?? records);
  for await (const piece of text) {
    tokens.write(piece);
    if (spool.isFull) await spool.flush();
  }
  tokens.finish();
  await spool.finish(signal);
  return { metadata: original?.metadata, tops };
}

/** A database with these two nodes looks like a file of the original. */
function refuseAmbiguous({ names }: TopNodes): void {
  if (names?.length !== 2 || !names.includes('metadata') || !names.includes('data')) return;
  throw new HoldfastError(
    'E_USAGE',
    'the file holds metadata and data: a backup of the original system, or a database that has these nodes',
    { hint: 'Say which: --format original or --format firebase.' },
  );
}

/** Sentences of what the file cannot tell. */
function aboutFile(
  format: ImportFormat,
  { type, isEncrypted }: { readonly type: string | undefined; readonly isEncrypted: boolean },
): readonly string[] {
  return [
    'Security rules: the file does not hold them.',
    ...(format === 'original'
      ? [
          `Priorities that the file lacks: the original system ${type ? `(type ${type}) ` : ''}did not keep them.`,
        ]
      : []),
    ...(isEncrypted
      ? [
          'A proof that the file is unchanged: the original kept no tag of its encryption. The JSON is complete.',
        ]
      : []),
    'Users of Authentication, files of Storage, functions: they are services of their own.',
  ];
}
