import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { publicSurface, SURFACE, undocumented } from '../../tools/public-surface.ts';
import { install } from '../support/package.ts';
import { itInFull as it } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

it('every name that programs can import says what it is for', async () => {
  const folder = await newFolder();
  install(folder);
  expect(undocumented(path.join(folder, 'node_modules/holdfast/dist/types'))).toEqual([]);
}, 240_000);

it('names and signatures that programs rely on are those of the list; `npm run surface` writes a new one', async () => {
  const folder = await newFolder();
  install(folder);
  const surface = publicSurface(path.join(folder, 'node_modules/holdfast/dist/types'));
  expect(surface).toBe(readFileSync(SURFACE, 'utf8'));
}, 240_000);
