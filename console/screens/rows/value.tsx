import { useState } from 'preact/hooks';
import { number } from '../../../shared/core/plural.ts';
import type { Cut } from './answers.ts';

/** Longer values are folded. */
const MOST_SHOWN = 100;
/** Shorter ones are never broken. */
const MOST_IN_LINE = 24;

/** A value of a row. NULL and the empty text look like no text, and are read out as what they are. */
export function Value({
  text,
  characters,
}: {
  readonly text: string | null;
  /** Of the whole value, if the API sent only its beginning. */
  readonly characters?: number | undefined;
}) {
  if (text === null) return <span class="no-value">NULL</span>;
  if (text === '') return <span class="no-value">empty text</span>;
  if (text.length <= MOST_SHOWN && characters === undefined)
    return <span class={text.length <= MOST_IN_LINE ? 'value short' : 'value'}>{text}</span>;
  return <Long text={text} characters={characters} />;
}

/** How long the whole value in that column is, if it was cut. */
export function charactersIn(cut: Cut, column: number): number | undefined {
  return cut?.find((one) => one.column === column)?.characters;
}

function Long({ text, characters }: { readonly text: string; readonly characters: number | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const all = characters === undefined ? `all ${number(text.length)}` : `the first ${number(text.length)}`;
  return (
    <span class={isOpen ? 'value open' : 'value'}>
      {isOpen ? text : `${beginningOf(text)}…`}{' '}
      <button type="button" class="fold" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? 'Show less' : `Show ${all} characters`}
      </button>
      {characters !== undefined && <span class="small faint"> of {number(characters)}</span>}
    </span>
  );
}

/** Whole characters: half of a pair would be shown as a question mark. */
function beginningOf(text: string): string {
  return Array.from(text.slice(0, 2 * MOST_SHOWN))
    .slice(0, MOST_SHOWN)
    .join('');
}
