/// The completion script for zsh: for a file `_muster` on `fpath`, or to be sourced after `compinit`.
enum ZshCompletion {
    static func script(_ model: CompletionModel) -> String {
        let name = "_\(model.program)"
        return """
            #compdef \(model.program)
            # zsh completion for \(model.program) \(model.version); made by '\(model.program) completion zsh'.

            \(name)() {
                local curcontext="$curcontext" state line
                typeset -A opt_args
                _arguments -C \\
                    '(- *)'{-h,--help}'[list all commands]' \\
                    '(- *)--version[print the version]' \\
                    '1:command:->commands' \\
                    '*::argument:->arguments' && return 0
                case $state in
                commands)
                    local -a commands=(
            \(model.entries.map { "            \(quoted($0.name + ":" + $0.summary))" }.joined(separator: "\n"))
                    )
                    _describe -t commands 'command' commands
                    ;;
                arguments)
                    case $words[1] in
            \(model.entries.map(arguments).joined(separator: "\n"))
                    esac
                    ;;
                esac
            }

            if [[ $funcstack[1] == \(name) ]]; then
                \(name) "$@"
            else
                compdef \(name) \(model.program)
            fi

            """
    }

    private static func arguments(of entry: CompletionModel.Entry) -> String {
        var specs = entry.flags.map(flag)
        specs.append("'(- *)'{-h,--help}'[print the help of this command]'")
        for (place, spec) in entry.positionals.enumerated() {
            let head = spec.arity == .variadic ? "*:" : "\(place + 1):" + (spec.arity == .optional ? ":" : "")
            specs.append(quoted(head + escaped(spec.name) + ":" + action(spec.kind.completion)))
        }
        let lines = specs.map { "                \($0)" }.joined(separator: " \\\n")
        return "        \(entry.name))\n            _arguments -S \\\n\(lines)\n            ;;"
    }

    private static func flag(_ spec: FlagSpec) -> String {
        let value = spec.takesValue ? ":\(escaped(spec.metavar)):\(action(spec.kind.completion))" : ""
        let tail = quoted("[\(escaped(spec.summary))]\(value)")
        let long = "--\(spec.name)\(spec.takesValue ? "=" : "")"
        // Either spelling used up rules out both, unless the flag may be repeated.
        let names = spec.spellings.joined(separator: " ")
        let prefix = spec.isRepeatable ? quoted("*") : spec.short == nil ? "" : quoted("(\(names))")
        guard let short = spec.short else { return prefix + quoted(long) + tail }
        return "\(prefix){-\(short)\(spec.takesValue ? "+" : ""),\(long)}\(tail)"
    }

    private static func action(_ completion: Completion) -> String {
        switch completion {
        case .none: " "
        case .files: "_files"
        case .directories: "_files -/"
        case .words(let words): "(\(words.joined(separator: " ")))"
        }
    }

    private static func quoted(_ text: String) -> String { ShellWord.inQuotes(text) }

    /// Safe inside a specification of `_arguments`.
    private static func escaped(_ text: String) -> String {
        var out = ""
        for character in text {
            if "\\[]:".contains(character) { out.append("\\") }
            out.append(character)
        }
        return out
    }
}
