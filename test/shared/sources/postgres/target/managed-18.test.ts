import { describe } from 'vitest';
import { describeManagedTarget } from './managed.ts';

describe('a managed target with PostgreSQL 18', () => describeManagedTarget(18));
