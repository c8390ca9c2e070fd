import { describe } from 'vitest';
import { anyMoment } from './any-moment.ts';

describe('any moment of PostgreSQL 18', () => anyMoment(18));
