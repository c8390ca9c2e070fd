import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** Found from the source as well as from the bundle in dist/. */
const PACKAGE_FOLDERS = ['../..', '..'];

/** A package has the functions' common files once; this file says which files make up which function. */
export const BUNDLES_FILE = 'bundles.json';
/** All that they are made of, one after the other, compressed by Brotli. */
export const BUNDLED_FILES = 'bundles.br';
/** Where a file begins among them, and its length, in bytes; or its path from the folder of `bundles.json`. */
export type PackedFile = string | readonly [offset: number, length: number];
/** By function: its files, by name. */
type PackedBundles = Readonly<Record<string, Readonly<Record<string, PackedFile>>>>;

/** Folder of a function's files. @throws if it was not built */
export function bundleOf(name: string, bundles: string = bundlesFolder()): string {
  const folder = path.join(bundles, name);
  if (existsSync(path.join(folder, name === 'task' ? 'Dockerfile' : 'index.mjs'))) return folder;
  const unpacked = unpack(name, bundles);
  if (unpacked) return unpacked;
  throw new Error(`there is no ${folder}: the functions are not built; run: npm run build`);
}

/** The built console, beside the functions. @throws if it was not built */
export function consoleFolder(bundles: string = bundlesFolder()): string {
  const folder = path.join(bundles, '..', 'console');
  if (existsSync(path.join(folder, 'index.html'))) return folder;
  throw new Error(`there is no ${folder}: the console is not built; run: npm run build`);
}

function bundlesFolder(): string {
  const folders = PACKAGE_FOLDERS.map((up) => path.join(import.meta.dirname, up, 'dist', 'lambdas'));
  return folders.find((folder) => existsSync(folder)) ?? folders[0] ?? '';
}

/** A folder that only this process uses and removes: nobody else can have put anything into it. */
let place: string | undefined;
const unpackedFolders = new Map<string, string>();

function unpack(name: string, bundles: string): string | undefined {
  const index = path.join(bundles, BUNDLES_FILE);
  if (!existsSync(index)) return undefined;
  const files = (JSON.parse(readFileSync(index, 'utf8')) as PackedBundles)[name];
  if (!files) return undefined;
  const known = unpackedFolders.get(path.join(bundles, name));
  if (known) return known;
  place ??= temporaryFolder();
  const folder = path.join(place, String(unpackedFolders.size), name);
  mkdirSync(folder, { recursive: true });
  const bytes = brotliDecompressSync(readFileSync(path.join(bundles, BUNDLED_FILES)));
  for (const [file, packed] of Object.entries(files)) {
    const to = path.join(folder, file);
    if (typeof packed === 'string') copyFileSync(path.join(bundles, packed), to);
    else writeFileSync(to, bytes.subarray(packed[0], packed[0] + packed[1]));
  }
  unpackedFolders.set(path.join(bundles, name), folder);
  return folder;
}

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-functions-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
