import type { QueryOf } from '../../api/types.ts';

export type AuditFilter = Pick<
  QueryOf<'auditExport'>,
  'from' | 'to' | 'action' | 'outcome' | 'source' | 'by'
>;
