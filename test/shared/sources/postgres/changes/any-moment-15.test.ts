import { describeWithPart } from '../../../../support/parts.ts';
import { anyMoment } from './any-moment.ts';

describeWithPart('postgresql-15', 'any moment of PostgreSQL 15', () => anyMoment(15));
