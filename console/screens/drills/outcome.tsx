import type { Drill } from '../../api/types.ts';
import { Badge } from '../../ui/parts.tsx';

/** How a drill ended. */
export function Outcome({ drill: { outcome, error } }: { readonly drill: Pick<Drill, 'outcome' | 'error'> }) {
  if (outcome === 'equal')
    return (
      <Badge tone="good" icon="check">
        Restored and equal
      </Badge>
    );
  if (outcome === 'different')
    return (
      <Badge tone="bad" icon="bad">
        Restored, but different
      </Badge>
    );
  return (
    <Badge tone="bad" icon="bad" title={error}>
      Failed
    </Badge>
  );
}
