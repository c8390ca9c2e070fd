import type { QueryOf } from '../../api/types.ts';

/** What the audit trail is filtered by; all of it is in the address. */
export type AuditFilter = Pick<
  QueryOf<'auditExport'>,
  'from' | 'to' | 'action' | 'outcome' | 'source' | 'by'
>;
