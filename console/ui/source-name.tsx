import { kindNamed } from '../api/kinds.ts';

/** `PostgreSQL`, in its maker's spelling. */
export function kindName(kind: string): string {
  return kindNamed(kind).name;
}

/** What people call a source: its name without the connection. `postgres://db.example/shop` is `shop`. */
export function shortSource(name: string): string {
  const path = /^[a-z0-9+-]+:\/\/[^/]*\/(.+)$/i.exec(name)?.[1];
  return (path ?? name).replace(/\?.*$/, '') || name;
}

/** A source by its name, with its kind as the tip. */
export function SourceName({
  source,
}: {
  readonly source: { readonly kind: string; readonly name: string };
}) {
  return <span title={`${kindName(source.kind)}: ${source.name}`}>{shortSource(source.name) || '—'}</span>;
}
