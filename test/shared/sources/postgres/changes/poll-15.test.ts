import { describeWithPart } from '../../../../support/parts.ts';
import { pollTests } from './poll.ts';
import { startStories } from './stories.ts';

describeWithPart('postgresql-15', 'changes of PostgreSQL 15', () => pollTests(startStories(15)));
