import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Comment, parseSync } from 'oxc-parser';
import { ENTRY_POINTS } from './entry-points.ts';
import { bundleTypes } from './public-types.ts';

/** The list that is checked in: what programs rely on. */
export const SURFACE = 'test/package/surface.txt';
const DECLARATIONS = 'node_modules/.cache/holdfast-declarations/surface';
const BUNDLED = 'node_modules/.cache/holdfast-declarations/surface-bundled';

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Declared {
  /** Texts by the name in the file. */
  readonly declarations: ReadonlyMap<string, string>;
  /** Those that have a comment of their own. */
  readonly documented: ReadonlySet<string>;
  /** Name in the file by the name that it is exported with. */
  readonly exported: ReadonlyMap<string, string>;
  /** Where a name comes from, and what it is called there. */
  readonly imported: ReadonlyMap<string, { readonly file: string; readonly name: string }>;
}

/**
 * Every name that programs can import, by entry point, with its signature: without comments, and without what it refers to.
 *
 * @param folder of the declarations of entry points
 */
export function publicSurface(folder: string): string {
  const sections = Object.keys(ENTRY_POINTS).map((entry) => {
    const { exported } = readDeclarations(path.join(folder, `${entry}.d.ts`));
    const texts = [...exported]
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([, local]) => declarationOf(path.join(folder, `${entry}.d.ts`), local));
    return `# ${entry}\n\n${texts.join('\n\n')}\n`;
  });
  return sections.join('\n');
}

/** Names that programs can import and that have no comment of their own, by entry point: `library OpenOptions`. */
export function undocumented(folder: string): readonly string[] {
  return Object.keys(ENTRY_POINTS).flatMap((entry) => {
    const file = path.join(folder, `${entry}.d.ts`);
    const { exported } = readDeclarations(file);
    return [...exported].flatMap(([name, local]) => (isDocumented(file, local) ? [] : [`${entry} ${name}`]));
  });
}

function isDocumented(file: string, local: string): boolean {
  const { imported, documented } = readDeclarations(file);
  const from = imported.get(local);
  if (!from) return documented.has(local);
  return isDocumented(from.file, readDeclarations(from.file).exported.get(from.name) ?? from.name);
}

/** The text of what a file declares, or takes from another. @throws if it does neither */
function declarationOf(file: string, local: string): string {
  const { declarations, imported } = readDeclarations(file);
  const text = declarations.get(local);
  if (text !== undefined) return text;
  const from = imported.get(local);
  if (!from) throw new Error(`${file} has no ${local}`);
  return declarationOf(from.file, readDeclarations(from.file).exported.get(from.name) ?? from.name);
}

function readDeclarations(file: string): Declared {
  const text = readFileSync(file, 'utf8');
  const { program, comments, module } = parseSync(file, text);
  const declarations = program.body.flatMap((node) => {
    const declaration = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
    if (!declaration) return [];
    return namesOf(declaration).map((name) => [name, withoutComments(text, declaration, comments)] as const);
  });
  const documented = program.body.flatMap((node) => {
    const isOne = comments.some(
      ({ value, end }) =>
        value.startsWith('*') && end <= node.start && text.slice(end, node.start).trim() === '',
    );
    const declaration = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
    return isOne && declaration ? namesOf(declaration) : [];
  });
  const exported = module.staticExports.flatMap(({ entries }) =>
    entries.map(
      ({ exportName, localName }) =>
        [exportName.name ?? '', localName.name ?? exportName.name ?? ''] as const,
    ),
  );
  const imported = module.staticImports.flatMap(({ entries, moduleRequest }) =>
    entries.map(({ importName, localName }) => {
      const from = path.join(path.dirname(file), moduleRequest.value.replace(/\.js$/, '.d.ts'));
      return [localName.value, { file: from, name: importName.name ?? '' }] as const;
    }),
  );
  return {
    declarations: new Map(declarations),
    documented: new Set(documented),
    exported: new Map(exported),
    imported: new Map(imported),
  };
}

function namesOf(declaration: object): readonly string[] {
  const { id, declarations } = declaration as {
    readonly id?: { readonly name?: string } | null;
    readonly declarations?: readonly { readonly id: { readonly name?: string } }[];
  };
  const ids = declarations ? declarations.map((one) => one.id) : [id];
  return ids.flatMap((one) => (one?.name === undefined ? [] : [one.name]));
}

function withoutComments(text: string, { start, end }: Span, comments: readonly Comment[]): string {
  let result = '';
  let at = start;
  for (const comment of comments.filter((one) => one.start >= start && one.end <= end)) {
    result += text.slice(at, comment.start);
    at = comment.end;
  }
  return (result + text.slice(at, end)).replace(/^declare /, '').replaceAll(/\s*\n(\s*\n)*/g, '\n');
}

if (import.meta.main) {
  rmSync(DECLARATIONS, { recursive: true, force: true });
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--outDir', DECLARATIONS], { stdio: 'inherit' });
  await bundleTypes(DECLARATIONS, ENTRY_POINTS, BUNDLED);
  writeFileSync(SURFACE, publicSurface(BUNDLED));
}
