internal import MusterCommandLine

/// `muster completion SHELL`.
enum CompletionCommand {
    static let shell = Positional.text(
        "SHELL", as: .choice(Shell.allCases.map(\.rawValue), reserved: []), "The shell to write the script for.")

    static let command = Command(
        name: "completion", summary: "print a shell completion script",
        description: [
            "Prints a script that teaches a shell the commands, flags and values of this version of muster.",
            "bash: run eval \"$(muster completion bash)\" in ~/.bashrc. zsh: save it as a file named _muster "
                + "in a directory of $fpath. fish: save it as ~/.config/fish/completions/muster.fish.",
        ],
        positionals: [shell.spec], exits: [Command.Exit(.inputOutput)],
        examples: [
            Command.Example("eval \"$(muster completion bash)\"", "Completion in this bash, at once."),
            Command.Example(
                "muster completion fish > ~/.config/fish/completions/muster.fish", "Completion in every fish."),
        ]
    ) { invocation in
        guard let shell = Shell(rawValue: invocation[shell]) else {
            preconditionFailure("parsing admits the shells only")
        }
        try invocation.out.write(CompletionScript.text(for: shell, invocation.table))
    }
}
