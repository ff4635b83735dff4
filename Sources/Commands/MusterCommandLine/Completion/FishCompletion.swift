/// The completion script for fish.
enum FishCompletion {
    static func script(_ model: CompletionModel) -> String {
        let program = model.program
        var lines = [
            "# fish completion for \(program) \(model.version); made by '\(program) completion fish'.",
            "",
            "# True at place $argv[2] (none: any) among the arguments of the command $argv[1]; '' is before a command.",
            "function __\(program)_at",
            "    set -l words (commandline -opc)",
            "    set -l command ''",
            "    set -l place 0",
            "    set -l waiting 0",
            "    for word in $words[2..-1]",
            "        if test $waiting = 1",
            "            set waiting 0",
            "        else if string match -q -- '-?*' $word",
            "            contains -- \"$command $word\" \(valueFlags(model))",
            "            and set waiting 1",
            "        else if test -z \"$command\"",
            "            set command $word",
            "        else",
            "            set place (math $place + 1)",
            "        end",
            "    end",
            "    test \"$command\" = \"$argv[1]\"",
            "    and begin",
            "        not set -q argv[2]",
            "        or test $place -eq $argv[2]",
            "    end",
            "end",
            "",
            "complete -c \(program) -f",
            "complete -c \(program) -n '__\(program)_at \"\"' -s h -l help -d 'list all commands'",
            "complete -c \(program) -n '__\(program)_at \"\"' -l version -d 'print the version'",
        ]
        for entry in model.entries {
            lines.append(
                "complete -c \(program) -n '__\(program)_at \"\"' -a \(entry.name) -d \(quoted(entry.summary))")
        }
        for entry in model.entries { lines += rules(of: entry, program) }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rules(of entry: CompletionModel.Entry, _ program: String) -> [String] {
        var lines: [String] = []
        let here = "complete -c \(program) -n '__\(program)_at \(entry.name)'"
        for flag in entry.flags {
            let short = flag.short.map { " -s \($0)" } ?? ""
            let value = flag.takesValue ? " -r" + offer(flag.kind.completion) : ""
            lines.append("\(here)\(short) -l \(flag.name)\(value) -d \(quoted(flag.summary))")
        }
        lines.append("\(here) -s h -l help -d 'print the help of this command'")
        for (place, spec) in entry.positionals.enumerated() where spec.kind.completion != .none {
            let condition =
                spec.arity == .variadic ? here : "complete -c \(program) -n '__\(program)_at \(entry.name) \(place)'"
            lines.append(condition + offer(spec.kind.completion) + " -d \(quoted(spec.name))")
        }
        return lines
    }

    private static func offer(_ completion: Completion) -> String {
        switch completion {
        case .none: " -f"
        case .files: " -F"
        case .directories: " -f -a '(__fish_complete_directories)'"
        case .words(let words): " -f -a \(quoted(words.joined(separator: " ")))"
        }
    }

    /// Every flag that takes a value, with its command before it; what follows one is no argument.
    private static func valueFlags(_ model: CompletionModel) -> String {
        var words: [String] = []
        for entry in model.entries {
            for flag in entry.flags where flag.takesValue {
                words += flag.spellings.map { quoted("\(entry.name) \($0)") }
            }
        }
        return words.joined(separator: " ")
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
