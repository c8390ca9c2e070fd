/** A column that both a backup and a target have, with its type in each as the server writes it. */
export interface ColumnOfBoth {
  readonly name: string;
  readonly was: string;
  readonly is: string;
}

/** What is said of a table whose columns are not those of the backup: of each thing a sentence. */
export function columnWarnings(
  dataset: string,
  { leftOut, both }: { readonly leftOut: readonly string[]; readonly both: readonly ColumnOfBoth[] },
): readonly string[] {
  const retyped = both.filter(({ was, is }) => was !== is);
  return [
    ...(leftOut.length > 0
      ? [`${dataset}: the target takes no values of ${leftOut.join(', ')}; they are left out`]
      : []),
    ...retyped.map(
      ({ name, was, is }) =>
        `${dataset}: ${name} is ${is} in the target, and ${was} in the backup; the server may round or shorten its values`,
    ),
  ];
}
