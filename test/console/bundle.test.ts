import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { builtConsole } from '../support/console/shared-console.ts';

const MOST_BYTES = 150_000;

describe('bundle of the console', () => {
  it('is under 150 kB of gzipped script, and needs nothing that a strict policy refuses', async () => {
    const { folder } = await builtConsole();
    const assets = path.join(folder, 'assets');
    const names = await readdir(assets);
    const read = async (ending: string) =>
      Promise.all(
        names
          .filter((name) => name.endsWith(ending))
          .map((name) => readFile(path.join(assets, name), 'utf8')),
      );
    const scripts = (await read('.js')).join('\n');
    expect(gzipSync(scripts).length).toBeLessThan(MOST_BYTES);
    expect(scripts.length).toBeGreaterThan(50_000);
    // The schemas of the API are types here: zod stays out.
    expect(scripts).not.toContain('ZodType');
    expect(scripts).not.toMatch(/\beval\(|new Function\(|setAttribute\(\s*['"]style/);
    const styles = (await read('.css')).join('\n');
    expect(styles).not.toMatch(/@import|https?:\/\/|data:/);
    const page = await readFile(path.join(folder, 'index.html'), 'utf8');
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/);
    for (const [, address] of page.matchAll(/(?:src|href)="([^"]+)"/g)) expect(address).toMatch(/^\.\//);
  });
});
