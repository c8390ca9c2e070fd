import { Button } from './button.tsx';
import type { Pages } from './pages.ts';

/** Below a list of pages: brings the next one, where there is one. */
export function ShowMore({ of: list }: { readonly of: Pages<{ readonly nextCursor: string | null }> }) {
  if (list.pages.value.at(-1)?.nextCursor == null) return null;
  return (
    <div class="list-foot">
      <Button onClick={() => void list.more()} why={list.isLoading.value ? 'More is on its way.' : undefined}>
        Show more
      </Button>
    </div>
  );
}
