import { describeWithPart, POSTGRES_15_BIN } from '../../../../support/parts.ts';
import { describeManagedTarget } from './managed.ts';

describeWithPart('postgresql-15', 'a managed target with PostgreSQL 15', () =>
  describeManagedTarget({ bin: POSTGRES_15_BIN }),
);
