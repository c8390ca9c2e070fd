/**
 * A module beside the asking one, to be run as a worker: `.ts` in the source tree, `.js` or `.mjs` where it was built.
 *
 * @param from the asking module's `import.meta.url`
 */
export function workerUrl(from: string, name: string): URL {
  return new URL(`./${name}${from.slice(from.lastIndexOf('.'))}`, from);
}
