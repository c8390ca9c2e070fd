import { currentStatus, type Status } from './status.ts';

type Kind = Status['configured']['kinds'][number];

/** What the API says of a kind of database; a kind that it does not know has its bare name and nothing else. */
export function kindNamed(kind: string): Kind {
  const known = currentStatus()?.configured.kinds.find((one) => one.kind === kind);
  return known ?? { kind, name: kind, exports: [], takesEveryKind: false, restoreOptions: [] };
}
