import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** Only the console's own files run in its page, and it talks only to this server. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** The built console. Serves only files that existed when it was opened, each by its own name. */
export class ConsoleFiles {
  readonly #folder: string;
  readonly #names: ReadonlySet<string>;

  private constructor(folder: string, names: ReadonlySet<string>) {
    this.#folder = folder;
    this.#names = names;
  }

  /** Undefined if none of the folders holds a built console. */
  static async open(folders: readonly string[]): Promise<ConsoleFiles | undefined> {
    for (const folder of folders) {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      const files = entries.filter((entry) => entry.isFile());
      const names = files.map(({ parentPath, name }) =>
        path.relative(folder, path.join(parentPath, name)).split(path.sep).join('/'),
      );
      if (names.includes('index.html')) return new ConsoleFiles(folder, new Set(names));
    }
    return undefined;
  }

  /** A file, or the page for a path without a file extension; undefined if there is no such file. */
  async answer(pathname: string): Promise<Response | undefined> {
    const asked = pathname.slice(1);
    const name = asked === '' || !/\.[a-z0-9]+$/i.test(asked) ? 'index.html' : asked;
    if (!this.#names.has(name)) return undefined;
    const body = await readFile(path.join(this.#folder, name));
    const isForever = name.startsWith('assets/');
    return new Response(body, {
      headers: {
        ...HEADERS,
        'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream',
        'cache-control': isForever ? 'public, max-age=31536000, immutable' : 'no-cache',
      },
    });
  }
}
