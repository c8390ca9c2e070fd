export { CHANGES, changesFolder } from '../core/changes-folder.ts';

/** Segments are numbered backwards in their names, so that a listing begins with the newest. */
const MOST_NUMBER = 999_999_999_999;
const DIGITS = 12;

const OBJECT =
  /^(changes\/[0-9a-f]{32}\/)(?:([0-9]{12})(?:_([0-9]{12}))?|parts\/([0-9]{12})_([0-9a-f]{64}))$/;

/** Where a segment lies. @param number from 1 */
export function segmentKey(folder: string, number: number): string {
  return `${folder}${backwards(number)}`;
}

/** Where a pack of a segment lies that has several, or a large one. @param id the SHA-256 of its bytes */
export function changePartKey(folder: string, number: number, id: string): string {
  return `${folder}parts/${backwards(number)}_${id}`;
}

/** Where a bundle of segments lies. Behind the segment that is its last, in a listing. */
export function changeBundleKey(
  folder: string,
  { first, last }: { readonly first: number; readonly last: number },
): string {
  return `${folder}${backwards(last)}_${backwards(first)}`;
}

/** An object that says that nobody polls the source for now. It lies behind all segments and packs, and no restore needs it. */
export function pauseKey(folder: string): string {
  return `${folder}paused`;
}

/** An object below `changes/`, by its name. */
export interface ChangeObject {
  readonly folder: string;
  /** Of a segment, or of the last one in a bundle. */
  readonly number: number;
  /** Of the first segment in a bundle; undefined of other objects. */
  readonly first: number | undefined;
  /** Of a pack that lies by itself: the SHA-256 of its bytes. */
  readonly part: string | undefined;
}

/** Undefined for a name that nobody who follows the format gives. */
export function parseChangeKey(key: string): ChangeObject | undefined {
  const [, folder, ofSegment, ofFirst, ofPart, part] = OBJECT.exec(key) ?? [];
  const number = MOST_NUMBER - Number(ofSegment ?? ofPart);
  const first = ofFirst === undefined ? undefined : MOST_NUMBER - Number(ofFirst);
  if (folder === undefined || number < 1 || (first !== undefined && (first < 1 || first >= number)))
    return undefined;
  return { folder, number, first, part };
}

function backwards(number: number): string {
  return String(MOST_NUMBER - number).padStart(DIGITS, '0');
}
