import { writeFileSync } from 'node:fs';
import { openApi } from '../shared/api/server/openapi.ts';
import { clientTypes, OPENAPI_FILE, operationTable, TABLE_FILE, TYPES_FILE } from './openapi-client.ts';

/** Writes docs/reference/openapi.json anew, and what the console calls the API by. A test compares them. */
writeFileSync(OPENAPI_FILE, `${JSON.stringify(openApi(), null, 2)}\n`);
writeFileSync(TYPES_FILE, await clientTypes());
writeFileSync(TABLE_FILE, operationTable());
