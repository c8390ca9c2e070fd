import { ApiError } from './api-error.ts';

/**
 * A field of a query that holds one text, or several as a JSON array.
 *
 * @throws E_BAD_REQUEST for something that begins like an array and is none of texts
 */
export function textList(field: string, text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  if (!text.startsWith('[')) return [text];
  const list = parsed(text);
  if (Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'string')) return list;
  const problem = 'is not a JSON array of texts, such as ["id = 42", "total > 10"]';
  throw new ApiError('E_BAD_REQUEST', `${field}: ${problem}`, { fields: [{ field, problem }] });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
