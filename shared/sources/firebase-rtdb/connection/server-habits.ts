/** How a server may take the key that a listing of keys goes on after: as it stands, or as JSON. */
export const KEY_FORMS = ['plain', 'quoted'] as const;
/** A form in which a server takes keys in queries. */
export type KeyForm = (typeof KEY_FORMS)[number];

/**
 * What a server was found to do while it is read, where documents and Google's own programs say different
 * things or nothing. Shared by all that read one database.
 */
export class ServerHabits {
  /** Whether `startAfter` begins a page where it should; undefined until it was seen. */
  pages: boolean | undefined;
  /** The form that a listing in parts is asked for with first. */
  keyForm: KeyForm = 'plain';
}
