/**
 * The elements of an array as PostgreSQL writes it, `{1,NULL,"a,b"}`; null for NULL. Where it begins to count (`[0:1]={1,2}`) is lost.
 *
 * @returns undefined for one of several dimensions
 */
export function parseArray(text: string): (string | null)[] | undefined {
  let at = text.indexOf('{') + 1;
  if (at === 0) return undefined;
  const elements: (string | null)[] = [];
  if (text[at] === '}') return elements;
  for (;;) {
    if (text[at] === '{') return undefined;
    const { element, end } = text[at] === '"' ? quoted(text, at + 1) : plain(text, at);
    elements.push(element);
    if (text[end] !== ',') return text[end] === '}' ? elements : undefined;
    at = end + 1;
  }
}

interface Element {
  readonly element: string | null;
  /** Where what follows it begins. */
  readonly end: number;
}

function plain(text: string, start: number): Element {
  let end = start;
  while (end < text.length && text[end] !== ',' && text[end] !== '}') end++;
  const element = text.slice(start, end);
  return { element: element === 'NULL' ? null : element, end };
}

function quoted(text: string, start: number): Element {
  let element = '';
  let end = start;
  while (end < text.length && text[end] !== '"') {
    if (text[end] === '\\') end++;
    element += text[end] ?? '';
    end++;
  }
  return { element, end: end + 1 };
}
