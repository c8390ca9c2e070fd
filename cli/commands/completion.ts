import { COMMON_OPTIONS, type Command, parse, usage } from '../command.ts';
import { COMMANDS } from '../commands.ts';
import { write } from '../io.ts';

const SHELLS = ['bash', 'zsh', 'fish'];

export const completion: Command = {
  options: {},
  help: `Usage: holdfast completion bash|zsh|fish

Examples:
  holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast
  holdfast completion zsh > "\${fpath[1]}/_holdfast"
  holdfast completion fish > ~/.config/fish/completions/holdfast.fish
`,

  async run(argv, io) {
    const { positionals } = parse(argv, {}, 1);
    const script = { bash, zsh, fish }[positionals[0] ?? ''];
    if (!script)
      throw usage(`'${positionals[0] ?? ''}' is no shell that is known`, `Give one of ${SHELLS.join(', ')}.`);
    await write(io.stdout, script(await allOptions()));
    return 0;
  },
};

const names = () => [...Object.keys(COMMANDS), 'help'];
type Options = ReadonlyMap<string, readonly string[]>;

async function allOptions(): Promise<Options> {
  const commands = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, { load }]) => [name, (await load()).options] as const),
  );
  return new Map(
    commands.map(([name, options]) => [
      name,
      Object.keys({ ...COMMON_OPTIONS, ...options }).map((option) => `--${option}`),
    ]),
  );
}

/** What may stand after a command beside its options. */
function operandsOf(name: string): readonly string[] {
  if (name === 'help') return Object.keys(COMMANDS);
  if (name === 'completion') return SHELLS;
  if (name === 'keys') return ['check'];
  return [
    'show',
    'accept',
    'verify',
    'drill',
    'restore',
    'repair',
    'salvage',
    'export',
    'hold',
    'release',
  ].includes(name)
    ? ['latest']
    : [];
}

function bash(options: Options): string {
  const cases = names()
    .map(
      (name) => `    ${name}) words='${[...operandsOf(name), ...(options.get(name) ?? [])].join(' ')}' ;;\n`,
    )
    .join('');
  return `_holdfast() {
  local words
  case "\${COMP_WORDS[1]}" in
${cases}    *) words='${names().join(' ')}' ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words='${names().join(' ')}'
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    --format|-f) words='sql csv ndjson' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _holdfast holdfast
`;
}

function zsh(options: Options): string {
  return `#compdef holdfast\nautoload -U +X bashcompinit && bashcompinit\n${bash(options)}`;
}

function fish(options: Options): string {
  const commands = names().map(
    (name) =>
      `complete -c holdfast -n __fish_use_subcommand -f -a ${name} -d '${COMMANDS[name]?.summary ?? ''}'\n`,
  );
  const flags = Object.keys(COMMANDS).flatMap((name) =>
    (options.get(name) ?? []).map(
      (option) => `complete -c holdfast -n '__fish_seen_subcommand_from ${name}' -l ${option.slice(2)}\n`,
    ),
  );
  const operands = names().flatMap((name) =>
    operandsOf(name).map(
      (word) => `complete -c holdfast -n '__fish_seen_subcommand_from ${name}' -a ${word}\n`,
    ),
  );
  return [...commands, ...flags, ...operands].join('');
}
