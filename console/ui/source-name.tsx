import { kindNamed } from '../api/kinds.ts';

/** `PostgreSQL`, as the maker writes it. */
export function kindName(kind: string): string {
  return kindNamed(kind).name;
}

/** What one calls a source: its name without what only connects. `postgres://db.example/shop` is `shop`. */
export function shortSource(name: string): string {
  const path = /^[a-z0-9+-]+:\/\/[^/]*\/(.+)$/i.exec(name)?.[1];
  return (path ?? name).replace(/\?.*$/, '') || name;
}

export function SourceName({
  source,
}: {
  readonly source: { readonly kind: string; readonly name: string };
}) {
  return <span title={`${kindName(source.kind)}: ${source.name}`}>{shortSource(source.name) || '—'}</span>;
}
