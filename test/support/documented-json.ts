import { expect } from 'vitest';
import { commandFirst } from '../../cli/command.ts';
import { differences, shapesOf } from './documented-shapes.ts';

/** What `--json` prints, as the page of the command line has it. */
export const DOCUMENTED = shapesOf('docs/reference/cli.md');

/** Fails for a document that is not, to the last member, as the page says under that title. */
export function expectDocumented(title: string, document: unknown): void {
  const root = DOCUMENTED.roots.get(title);
  expect(root, `docs/reference/cli.md has no shape of ${title}`).toBeDefined();
  expect(differences(DOCUMENTED, root ?? '', document), `${title}, by docs/reference/cli.md`).toEqual([]);
}

/** Of everything that a command prints with `--json`: its own document, or that of an error. */
export function expectDocumentedOutput(argv: readonly string[], stdout: string): void {
  if (!argv.includes('--json') || stdout === '') return;
  const document: unknown = jsonOf(stdout);
  const isError =
    typeof document === 'object' && document !== null && Object.keys(document).join() === 'error';
  if (isError) {
    expectDocumented('Errors', document);
    return;
  }
  const [command = ''] = commandFirst(argv.filter((word) => word !== '--json'));
  // Completion serves the shell; without --output, stdout of an export is what was exported.
  if (command.startsWith('__') || (command === 'export' && !isNamed(document))) return;
  expectDocumented(/^(-V|--version)$/.test(command) ? 'version' : command, document);
}

/** Whether it is the document of an export to a file. */
function isNamed(document: unknown): boolean {
  return typeof document === 'object' && document !== null && 'output' in document;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
