import { globSync, readFileSync } from 'node:fs';
import { type Comment, parseSync } from 'oxc-parser';

/** Product code: what tests have for themselves is not read by others. */
const CODE = '{shared,cli,lambdas,infra,console,tools}/**/*.{ts,tsx}';
const NOT_COUNTED = /\.d\.ts$|\.assembly\.ts$|\/generated\//;

/** A name that a file exports. A type and a value of one name are one; so are the overloads of a function. */
export interface ExportedName {
  readonly file: string;
  readonly name: string;
  /** The line of its first declaration, from 1. */
  readonly line: number;
  /** Whether one of its declarations has a comment of its own that begins with two stars. */
  readonly isDocumented: boolean;
}

/** All names that product code exports, but for those that a file passes on from another. */
export function exportedNames(): readonly ExportedName[] {
  return globSync(CODE)
    .filter((file) => !NOT_COUNTED.test(file))
    .toSorted()
    .flatMap((file) => namesOf(file, readFileSync(file, 'utf8')));
}

/** The names that the text of a file exports. */
export function namesOf(file: string, text: string): readonly ExportedName[] {
  const { program, comments } = parseSync(file, text);
  const names = new Map<string, ExportedName>();
  for (const node of program.body) {
    if (node.type !== 'ExportNamedDeclaration' || !node.declaration) continue;
    const isDocumented = comments.some((comment) => isDocOf(comment, node.start, text));
    for (const name of declaredNames(node.declaration)) {
      const known = names.get(name);
      const line = known?.line ?? text.slice(0, node.start).split('\n').length;
      names.set(name, { file, name, line, isDocumented: isDocumented || known?.isDocumented === true });
    }
  }
  return [...names.values()];
}

function isDocOf({ type, value, end }: Comment, start: number, text: string): boolean {
  return type === 'Block' && value.startsWith('*') && end <= start && text.slice(end, start).trim() === '';
}

function declaredNames(declaration: object): readonly string[] {
  const { id, declarations } = declaration as {
    readonly id?: { readonly name?: string } | null;
    readonly declarations?: readonly { readonly id: { readonly name?: string } }[];
  };
  const ids = declarations ? declarations.map((one) => one.id) : [id];
  return ids.flatMap((one) => (one?.name === undefined ? [] : [one.name]));
}

if (import.meta.main) {
  const names = exportedNames();
  const missing = names.filter(({ isDocumented }) => !isDocumented);
  for (const { file, name, line } of missing) console.log(`${file}:${line} ${name}`);
  console.log(`${names.length - missing.length} of ${names.length} exported names are documented`);
}
