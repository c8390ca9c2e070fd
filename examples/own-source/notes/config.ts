import * as z from 'zod';
import { url } from '../../../shared/sources/settings.ts';

/** What the configuration says of a file of notes. */
export const NOTES_SETTINGS = {
  shape: {
    url,
    /** What lines begin with that are no notes. @default # */
    comment: z.string().length(1, 'wanted is one character').optional(),
  },
};

/** The path of `notes:PATH`. */
export function notesPath(given: string): string {
  return given.replace(/^notes:/, '');
}

/** What lines begin with that are no notes. */
export function commentOf({ comment = '#' }: Readonly<Record<string, unknown>>): string {
  return String(comment);
}
