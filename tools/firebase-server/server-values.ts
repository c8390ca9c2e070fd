import type { Node } from './engine.ts';
import { Refusal } from './reply.ts';

/** Replaces `{".sv": …}` anywhere in a value: the time in milliseconds, or an increment of what is there. */
export function resolveServerValues(value: unknown, before: Node | undefined, childOf: ChildOf): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('.sv' in value) return serverValue(value['.sv'], before);
  if (Array.isArray(value)) {
    return value.map((child, i) => resolveServerValues(child, before && childOf(before, String(i)), childOf));
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key,
      resolveServerValues(child, before && childOf(before, key), childOf),
    ]),
  );
}
type ChildOf = (node: Node, key: string) => Node;

function serverValue(wanted: unknown, before: Node | undefined): number {
  if (wanted === 'timestamp') return Date.now();
  const increment =
    typeof wanted === 'object' && wanted !== null ? (wanted as { increment?: unknown }).increment : undefined;
  if (typeof increment !== 'number') throw new Refusal(400, 'Invalid data; unrecognized server value');
  const current = before?.isLeafNode() ? before.val() : 0;
  return (typeof current === 'number' ? current : 0) + increment;
}
