import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { JsonObject } from './json.ts';

/** Most fields of a key that bounds are of. */
const MOST_FIELDS = 16;

const Field = z.object({
  /** Of the field in a record: fields have tabs between them. */
  place: z.number().int().min(0).max(65_535),
  name: z.string(),
  type: z.string(),
  /** `integer`: whole numbers of up to 8 bytes; `text`: the bytes as they are stored. */
  form: z.enum(['integer', 'text']),
});
/** A field of a key, and how its values are compared. */
export type KeyField = Readonly<z.infer<typeof Field>>;

const Fields = z.array(Field).max(MOST_FIELDS);
/** The attribute of a dataset that names them. */
export const KEY_FIELDS = 'keyFields';

/** The fields that the bounds of a dataset's chunks are of; none if it has no bounds, or of a form that is not known. */
export function keyFieldsOf(attributes: JsonObject): readonly KeyField[] {
  const parsed = Fields.safeParse(attributes[KEY_FIELDS]);
  return parsed.success ? parsed.data : [];
}

/** One of them as an attribute. */
export type KeyFieldAttribute = KeyField & JsonObject;

/** Bytes of a key's id. */
export const KEY_ID_BYTES = 8;

/** Which key it is: bounds of another one say nothing. */
export function keyIdOf(fields: readonly KeyField[]): Buffer {
  const text = JSON.stringify(fields.map(({ place, name, type, form }) => [place, name, type, form]));
  return createHash('sha256').update(text).digest().subarray(0, KEY_ID_BYTES);
}

/** A key's first fields with forms, as an attribute; of a field without one, and of those behind it, bounds say nothing. */
export function keyFieldsAttribute(
  fields: readonly (Omit<KeyField, 'form'> & { readonly form: KeyField['form'] | undefined })[],
): readonly KeyFieldAttribute[] {
  const first = fields.findIndex(({ place, form }) => form === undefined || place < 0);
  return (first < 0 ? fields : fields.slice(0, first))
    .slice(0, MOST_FIELDS)
    .map(({ place, name, type, form = 'text' }) => ({ place, name, type, form }));
}
