import type { NodePath } from './paths.ts';

/** What the URL of a database says. */
export interface DatabaseUrl {
  readonly origin: string;
  readonly namespace: string | undefined;
  readonly base: NodePath;
  readonly isLocal: boolean;
  /** Secret: `auth` or `access_token` of the URL. */
  readonly token: { readonly kind: 'auth' | 'access_token'; readonly value: string } | undefined;
}
