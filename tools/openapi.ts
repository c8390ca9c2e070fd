import { writeFileSync } from 'node:fs';
import { openApi } from '../shared/api/openapi.ts';

/** Writes docs/openapi.json anew. A test compares the two. */
writeFileSync('docs/openapi.json', `${JSON.stringify(openApi(), null, 2)}\n`);
