import { type Signal, signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { revivals } from '../api/connection.ts';
import { type Failure, failureOf } from '../api/problem.ts';

/** A list that loads page by page, with a button. */
export interface Pages<Page> {
  readonly pages: Signal<readonly Page[]>;
  readonly failure: Signal<Failure | undefined>;
  readonly isLoading: Signal<boolean>;
  more(): Promise<void>;
}

/** @param name of the list: another one starts from the beginning */
export function usePages<Page extends { readonly nextCursor: string | null }>(
  name: string,
  load: (cursor: string | undefined) => Promise<Page>,
): Pages<Page> {
  // `name` stands for what is loaded
  const found = useMemo(() => pagesOf(load), [name]);
  const isBack = revivals.value;
  // load again when the API is back
  useEffect(() => {
    if (found.pages.value.length === 0) void found.more();
  }, [found, isBack]);
  return found;
}

function pagesOf<Page extends { readonly nextCursor: string | null }>(
  load: (cursor: string | undefined) => Promise<Page>,
): Pages<Page> {
  const pages = signal<readonly Page[]>([]);
  const failure = signal<Failure | undefined>(undefined);
  const isLoading = signal(false);
  const more = async () => {
    const cursor = pages.value.at(-1)?.nextCursor;
    if (isLoading.value || cursor === null) return;
    isLoading.value = true;
    try {
      pages.value = [...pages.value, await load(cursor)];
      failure.value = undefined;
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      isLoading.value = false;
    }
  };
  return { pages, failure, isLoading, more };
}
