import { Button } from './button.tsx';
import type { Pages } from './pages.ts';

/** Below a list of pages: loads the next one, if there is one. */
export function ShowMore({ of: list }: { readonly of: Pages<{ readonly nextCursor: string | null }> }) {
  if (list.pages.value.at(-1)?.nextCursor == null) return null;
  return (
    <div class="list-foot">
      <Button onClick={() => void list.more()} why={list.isLoading.value ? 'Loading more.' : undefined}>
        Show more
      </Button>
    </div>
  );
}
