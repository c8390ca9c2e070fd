import { call } from '../../api/client.ts';
import { useResource } from '../../api/resource.ts';
import type { AnswerOf } from '../../api/types.ts';

/** What `GET /changes/{source}` answers. */
export type Changes = AnswerOf<'changes'>;

const PACE_MS = 20_000;

/** What is stored of the changes of a source, asked for again as it grows. */
export function useChanges(source: string) {
  return useResource(
    `changes of ${source}`,
    () => call('changes', { param: source }),
    () => PACE_MS,
  );
}

/** The address of the screen of a source's changes. */
export function changesHref(source: string): string {
  return `#/changes/${encodeURIComponent(source)}`;
}
