import { type Command, parse, usage } from '../command.ts';
import { COMPLETE } from '../complete-word.ts';
import { write } from '../io.ts';

/**
 * Scripts ask the program itself, which knows its options, and the content of configuration and repository.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_holdfast() {
  local word=\${COMP_WORDS[COMP_CWORD]} line
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  local before=''
  # The part before a colon is already typed.
  [ "$word" = : ] && word=''
  [ "\${COMP_WORDS[COMP_CWORD]}" = : ] && before="\${COMP_WORDS[COMP_CWORD-1]}:"
  [ "\${COMP_WORDS[COMP_CWORD-1]}" = : ] && before="\${COMP_WORDS[COMP_CWORD-2]}:"
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    COMPREPLY+=("\${line#"$before"}")
  done < <("\${COMP_WORDS[0]}" ${COMPLETE} -- "\${words[@]}" 2>/dev/null)
}
complete -o default -F _holdfast holdfast
`,
  zsh: `#compdef holdfast
_holdfast() {
  local -a found
  local line value
  "\${words[1]}" ${COMPLETE} -- "\${(@)words[2,CURRENT]}" 2>/dev/null | while IFS= read -r line; do
    value=\${line%%$'\\t'*}
    found+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#found} )); then _describe -V holdfast found; else _files; fi
}
if [ "$funcstack[1]" = _holdfast ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi
`,
  fish: `function __holdfast_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  $words[1] ${COMPLETE} -- $words[2..-1] "$current" 2>/dev/null
end
complete -c holdfast -k -a '(__holdfast_complete)'
`,
};

/** `holdfast completion`: a script that completes names in a shell. */
export const completion: Command = {
  options: {},
  help: `Usage: holdfast completion bash|zsh|fish

Prints a script for your shell. It completes commands and options; types, sources and targets in the configuration; and
backups and datasets in the repository. zsh and fish also show what each one is.

Examples:
  holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast
  holdfast completion zsh > "\${fpath[1]}/_holdfast"
  holdfast completion fish > ~/.config/fish/completions/holdfast.fish
`,

  async run(argv, io) {
    const { positionals } = parse(argv, {}, 1);
    const name = positionals[0] ?? '';
    const script = Object.hasOwn(SCRIPTS, name) ? SCRIPTS[name] : undefined;
    if (script === undefined)
      throw usage(`'${name}' is not a supported shell`, `Give one of ${Object.keys(SCRIPTS).join(', ')}.`);
    await write(io.stdout, script);
    return 0;
  },
};
