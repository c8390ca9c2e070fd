import { describe } from 'vitest';
import { ddlStories } from './ddl.ts';

describe('statements that change definitions, PostgreSQL 18', () => ddlStories(18));
