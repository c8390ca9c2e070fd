import { describeWithPart } from '../../../../support/parts.ts';
import { describeManagedTarget } from './managed.ts';

describeWithPart('postgresql-15', 'a managed target with PostgreSQL 15', () => describeManagedTarget(15));
