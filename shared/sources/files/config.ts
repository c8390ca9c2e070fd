import { url } from '../settings.ts';

/** What the configuration says of a source, a target or where drills make their folders. */
export const FILES_SETTINGS = { shape: { url } };

/** The path of `files:PATH`, or of a plain path. */
export function filePath(given: string): string {
  return given.startsWith('files:') ? given.slice('files:'.length) : given;
}
