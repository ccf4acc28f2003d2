/** `owed completion`: a script by which a shell completes commands, options and values. */
import { commonOptions } from "../arguments.ts";
import type { Command, OptionDefinition } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Printer } from "../printer.ts";
import { UsageError } from "../usage-error.ts";

const shells = ["bash", "zsh"] as const;

/** The command, for the others. */
export function completionFor(others: readonly Command[]): Command {
  const completion: Command = {
    name: "completion",
    summary: "print the completion of a shell",
    operand: "bash|zsh",
    operandValues: shells,
    options: {},
    details: [
      'bash: eval "$(owed completion bash)"; zsh: owed completion zsh > a folder of $fpath, as _owed.',
    ],
    run: async (invocation) =>
      print(invocation.printer, invocation.arguments.requiredOperand(), [...others, completion]),
  };
  return completion;
}

function print(printer: Printer, shell: string, commands: readonly Command[]): ExitCode {
  if (shell !== "bash" && shell !== "zsh") {
    throw new UsageError(`there is no completion for "${shell}"`, `use ${shells.join(", ")}`);
  }
  printer.verbatim(shell === "bash" ? bashScript(commands) : zshScript(commands));
  return exitCodes.done;
}

function optionsOf(command: Command): readonly (readonly [string, OptionDefinition])[] {
  return Object.entries({ ...command.options, ...commonOptions });
}

function bashScript(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const options = optionsOf(command);
    const values = options
      .filter(([, { type }]) => type === "string")
      .map(([name, { short, values: found }]) => {
        const pattern = short === undefined ? `--${name}` : `--${name}|-${short}`;
        return `        ${pattern}) ${bashReply(found)}; return ;;`;
      });
    const words = options.map(([name]) => `--${name}`).join(" ");
    return `    ${command.name})
      case "$previous" in
${values.join("\n")}
      esac
      if [[ "$current" == -* ]]; then COMPREPLY=($(compgen -W "${words}" -- "$current")); return; fi
      ${bashReply(command.operandValues)} ;;`;
  });
  return `# Completion of owed for bash.
_owed() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  COMPREPLY=()
  # An equals sign is a word of its own.
  if [[ "$current" == "=" ]]; then current=""; elif [[ "$previous" == "=" ]]; then previous="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")} help" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    help) COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(" ")}" -- "$current")) ;;
  esac
}
complete -F _owed owed
`;
}

function bashReply(values: OptionDefinition["values"]): string {
  if (values === undefined) return ":";
  if (values === "file") return 'COMPREPLY=($(compgen -f -- "$current"))';
  return `COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$current"))`;
}

function zshScript(commands: readonly Command[]): string {
  const named = commands.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`).join("\n");
  const cases = commands.map((command) => {
    const options = optionsOf(command).flatMap(([name, { type, short, value = "", says, values }]) => {
      const argument = type === "string" ? `:${value}:${zshValues(values)}` : "";
      const end = `[${quoted(says)}]${argument}'`;
      const long = `        '--${name}${argument === "" ? "" : "="}${end}`;
      return short === undefined ? [long] : [long, `        '-${short}${end}`];
    });
    const operand =
      command.operand === ""
        ? []
        : [`        '1:${command.operand.replace(/[[\]]/g, "")}:${zshValues(command.operandValues)}'`];
    return `    ${command.name})\n      _arguments \\\n${[...options, ...operand].join(" \\\n")} ;;`;
  });
  return `#compdef owed
# Completion of owed for zsh.
_owed() {
  local -a names
  names=(
${named}
  )
  if (( CURRENT == 2 )); then
    _describe command names
    return
  fi
  local chosen=$words[2]
  shift words
  (( CURRENT-- ))
  case $chosen in
${cases.join("\n")}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _owed "$@"; else compdef _owed owed; fi
`;
}

function zshValues(values: OptionDefinition["values"]): string {
  if (values === undefined) return " ";
  return values === "file" ? "_files" : `(${values.join(" ")})`;
}

/** Inside single quotes, where brackets and colons mean something to zsh. */
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''").replace(/[[\]:]/g, (character) => `\\${character}`);
}
