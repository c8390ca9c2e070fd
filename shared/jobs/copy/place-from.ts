import path from 'node:path';
import type { CopyPlace } from '../../config/copy.ts';

/** A second place; if it is a folder, with its absolute path relative to `folder`. */
export function placeFrom(folder: string, place: CopyPlace): CopyPlace {
  const { to } = place;
  return to === '' || /^[a-z0-9]+:/i.test(to) ? place : { ...place, to: path.resolve(folder, to) };
}
