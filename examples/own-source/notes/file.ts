import type { FileHandle } from 'node:fs/promises';
import { throwIfAborted } from '../../../shared/core/abort.ts';
import { badNotes } from './errors.ts';

/** Where the notes below a heading lie in the file. */
export interface Section {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;

/**
 * The sections of a file. A line that is a JSON text is a heading, and begins a dataset; the lines below it are its records.
 * Memory grows with the headings, not with the notes.
 *
 * @throws E_SOURCE_UNSUPPORTED for a file of something else, E_ABORTED
 */
export async function sectionsOf(
  handle: FileHandle,
  {
    file,
    comment,
    signal,
  }: { readonly file: string; readonly comment: string; readonly signal: AbortSignal },
): Promise<readonly Section[]> {
  const { size } = await handle.stat();
  const sections: { name: string; from: number; to: number }[] = [];
  for await (const { at, end, head } of headsOf(handle, size, signal)) {
    if (end > size) throw badNotes(file, 'its last line has no end');
    const last = sections.at(-1);
    if (head.startsWith('"')) sections.push({ name: nameOf(head, file), from: end, to: end });
    else if (last && /^[[{]/.test(head)) last.to = end;
    else if (last || !head.startsWith(comment)) throw badNotes(file, `there is no note at byte ${at}`);
  }
  const names = new Set(sections.map(({ name }) => name));
  if (names.size < sections.length) throw badNotes(file, 'a heading is there twice');
  return sections;
}

/** Bytes of the file from one place to another, in blocks. */
export async function* bytesOf(
  handle: FileHandle,
  { from, to }: Pick<Section, 'from' | 'to'>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (let at = from; at < to; ) {
    throwIfAborted(signal);
    const { bytesRead, buffer } = await handle.read(
      Buffer.alloc(Math.min(BLOCK_BYTES, to - at)),
      0,
      null,
      at,
    );
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  throwIfAborted(signal);
}

interface Line {
  readonly at: number;
  /** After its newline. */
  readonly end: number;
  /** All of a heading; of any other line the first character. */
  readonly head: string;
}

async function* headsOf(handle: FileHandle, size: number, signal: AbortSignal): AsyncGenerator<Line> {
  let begun: Buffer = Buffer.alloc(0);
  let at = 0;
  let offset = 0;
  for await (const block of bytesOf(handle, { from: 0, to: size }, signal)) {
    let start = 0;
    for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, start)) {
      begun = headWith(begun, block.subarray(start, end));
      yield { at, end: offset + end + 1, head: begun.toString() };
      begun = Buffer.alloc(0);
      start = end + 1;
      at = offset + start;
    }
    begun = headWith(begun, block.subarray(start));
    offset += block.length;
  }
  if (at < size) yield { at, end: size + 1, head: begun.toString() };
}

function headWith(begun: Buffer, more: Buffer): Buffer {
  const isHeading = (begun[0] ?? more[0]) === '"'.charCodeAt(0);
  if (isHeading) return Buffer.concat([begun, more]);
  return begun.length > 0 ? begun : Buffer.from(more.subarray(0, 1));
}

function nameOf(head: string, file: string): string {
  try {
    return String(JSON.parse(head));
  } catch {
    throw badNotes(file, `the heading ${head.slice(0, 40)} is no JSON text`);
  }
}
