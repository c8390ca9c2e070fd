import { describe } from 'vitest';
import { pollTests } from './poll.ts';
import { startStories } from './stories.ts';

describe('changes of PostgreSQL 18', () => pollTests(startStories(18)));
